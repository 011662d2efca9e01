// Thin functions, one per system call, named like the kernel's so that the man page matches.
// They add close-on-exec, retry EINTR where that is always right, and turn -errno into an
// Error that names the call and its subject. They know no policy.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "moat/result.h"
#include "sys/fd.h"
#include "uapi/kernel.h"

namespace moat::sys {

// openat2(2). `flags` gets O_CLOEXEC. dir = AT_FDCWD (-100) for the working folder.
Result<Fd> openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve, std::uint32_t mode = 0);
// The common case: absolute or relative to the working folder, magic links refused.
Result<Fd> open(const std::string& path, std::uint64_t flags, std::uint32_t mode = 0);
Result<struct stat> fstat(const Fd& fd, std::string_view subject);

Result<std::string> ReadAll(const Fd& fd, std::size_t limit, std::string_view subject);
Result<std::string> ReadFile(const std::string& path, std::size_t limit);
// Writes everything; EINTR and short writes are retried.
Status WriteAll(int fd, std::string_view bytes, std::string_view subject);
// One write(2) to an existing file, as /proc and cgroup files want it.
Status WriteFile(const std::string& path, std::string_view bytes);

struct Pipe {
  Fd read, write;
};
Result<Pipe> pipe2();
Result<MemFd> memfd_create(const char* name, unsigned flags);
Result<Pidfd> pidfd_open(int pid);
std::uint64_t NowNs();  // CLOCK_MONOTONIC

}  // namespace moat::sys
