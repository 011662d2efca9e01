#include "sys/calls.h"

#include <fcntl.h>
#include <time.h>

#include <cerrno>

namespace moat::sys {

using uapi::IsError;
using uapi::Syscall;

namespace {
constexpr long kEintr = -4;

template <typename Call>
long Retry(Call call) {
  long result;
  do result = call();
  while (result == kEintr);
  return result;
}
}  // namespace

Result<Fd> openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve, std::uint32_t mode) {
  const uapi::OpenHow how{flags | O_CLOEXEC, mode, resolve};
  const long fd = Retry([&] { return Syscall(__NR_openat2, dir, path, &how, sizeof(how)); });
  if (IsError(fd)) return SystemError("openat2", static_cast<int>(-fd), path);
  return Fd(static_cast<int>(fd));
}

Result<Fd> open(const std::string& path, std::uint64_t flags, std::uint32_t mode) {
  return openat2(AT_FDCWD, path.c_str(), flags, uapi::kResolveNoMagiclinks, mode);
}

Result<struct stat> fstat(const Fd& fd, std::string_view subject) {
  struct stat facts;
  if (::fstat(fd.get(), &facts) != 0) return SystemError("fstat", errno, std::string(subject));
  return facts;
}

Result<std::string> ReadAll(const Fd& fd, std::size_t limit, std::string_view subject) {
  std::string text;
  struct stat facts;
  if (::fstat(fd.get(), &facts) == 0 && facts.st_size > 0) text.reserve(static_cast<std::size_t>(facts.st_size) + 1);
  char buffer[16384];
  for (;;) {
    const long n = Retry([&] { return Syscall(__NR_read, fd.get(), buffer, sizeof(buffer)); });
    if (IsError(n)) return SystemError("read", static_cast<int>(-n), std::string(subject));
    if (n == 0) return text;
    if (text.size() + static_cast<std::size_t>(n) > limit) return SystemError("read", EFBIG, std::string(subject));
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

Result<std::string> ReadFile(const std::string& path, std::size_t limit) {
  // /proc and /sys paths are magic-link free; O_NONBLOCK so that a FIFO in the way cannot stop us.
  Fd fd = MOAT_TRY(open(path, O_RDONLY | O_NONBLOCK));
  return ReadAll(fd, limit, path);
}

Status WriteAll(int fd, std::string_view bytes, std::string_view subject) {
  while (!bytes.empty()) {
    const long n = Retry([&] { return Syscall(__NR_write, fd, bytes.data(), bytes.size()); });
    if (IsError(n)) return SystemError("write", static_cast<int>(-n), std::string(subject));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status WriteFile(const std::string& path, std::string_view bytes) {
  Fd fd = MOAT_TRY(open(path, O_WRONLY));
  const long n = Syscall(__NR_write, fd.get(), bytes.data(), bytes.size());
  if (IsError(n)) return SystemError("write", static_cast<int>(-n), path);
  return {};
}

Result<Pipe> pipe2() {
  int ends[2];
  const long result = Syscall(__NR_pipe2, ends, O_CLOEXEC);
  if (IsError(result)) return SystemError("pipe2", static_cast<int>(-result));
  Pipe pipe;
  pipe.read = Fd(ends[0]);
  pipe.write = Fd(ends[1]);
  return pipe;
}

Result<MemFd> memfd_create(const char* name, unsigned flags) {
  const long fd = Syscall(__NR_memfd_create, name, flags | 1u /* MFD_CLOEXEC */);
  if (IsError(fd)) return SystemError("memfd_create", static_cast<int>(-fd), name);
  return MemFd(static_cast<int>(fd));
}

Result<Pidfd> pidfd_open(int pid) {
  const long fd = Syscall(__NR_pidfd_open, pid, 0);
  if (IsError(fd)) return SystemError("pidfd_open", static_cast<int>(-fd));
  return Pidfd(static_cast<int>(fd));
}

std::uint64_t NowNs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace moat::sys
