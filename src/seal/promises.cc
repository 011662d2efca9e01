#include "seal/promises.h"

#include <linux/mman.h>
#include <linux/fcntl.h>

#include <cerrno>

#include "seal/spec.h"

namespace moat::seal {
namespace {

// Spelt out: both C libraries hide it, and O_TMPFILE contains O_DIRECTORY.
constexpr std::uint64_t kTemporary = 020000000;  // __O_TMPFILE
constexpr std::uint64_t kCreateFlags = O_CREAT | kTemporary;
constexpr std::uint64_t kOpenFlags = O_ACCMODE | O_TRUNC | kCreateFlags;
constexpr std::uint64_t kAnyNamespace = 0x7e020080;  // CLONE_NEW*: a process of one's own, and no more
constexpr std::uint64_t kFamilyUnix = 1, kFamilyInet = 2, kFamilyInet6 = 10;
constexpr std::uint64_t kTypeMask = 0xf, kStream = 1, kDatagram = 2;

constexpr std::uint64_t kGetAttributes = 0x5401, kGetWindow = 0x5413;

struct Word {
  std::string_view name;
  std::uint32_t grants;
};
constexpr std::uint32_t Bits(std::initializer_list<SealGrant> grants) {
  std::uint32_t bits = 0;
  for (const SealGrant grant : grants) bits |= static_cast<std::uint32_t>(grant);
  return bits;
}
constexpr Word kWords[] = {
    {"stdio", Bits({SealGrant::kDescriptors, SealGrant::kAnyRead, SealGrant::kAnyWrite, SealGrant::kMemory,
                    SealGrant::kTime, SealGrant::kRandom, SealGrant::kWaiting})},
    {"rpath", Bits({SealGrant::kReadPaths})},
    {"wpath", Bits({SealGrant::kWritePaths})},
    {"cpath", Bits({SealGrant::kCreatePaths})},
    {"fattr", Bits({SealGrant::kAttributes})},
    {"flock", Bits({SealGrant::kFileLocks})},
    {"inet", Bits({SealGrant::kInternet})},
    {"unix", Bits({SealGrant::kUnixSockets})},
    {"proc", Bits({SealGrant::kProcesses})},
    {"exec", Bits({SealGrant::kExecute})},
    {"prot_exec", Bits({SealGrant::kNewCode})},
    {"tty", Bits({SealGrant::kTerminal})},
};

void AddDescriptors(Rules& rules) {
  rules.AllowEach({"fstat", "close", "lseek", "dup", "dup2", "dup3", "pipe", "pipe2", "fdatasync", "fsync",
                   "ftruncate", "preadv2", "pwritev2", "sendfile", "copy_file_range", "eventfd2", "epoll_create1",
                   "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "getdents64", "getdents", "getcwd", "umask",
                   "uname", "getrusage", "getrlimit", "getgroups", "getresuid", "getresgid", "getpgrp"});
  for (const std::uint64_t command : {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_LINUX_SPECIFIC_BASE + 6}) {
    rules.Allow("fcntl", {Rules::Equals(1, command)});  // the last: F_DUPFD_CLOEXEC
  }
  rules.Allow("prlimit64", {Rules::Equals(0, 0)});
  rules.Allow("newfstatat", {Rules::Masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  // A file that is already open, privately or shared: with descriptors not told apart.
  rules.Allow("mmap", {Rules::Masked(2, PROT_EXEC, 0)});
}

// What is read needs rpath, what is written (or cut to nothing) wpath, what was not there cpath: each of
// what one call asks for, as in OpenBSD.
void AddOpen(Rules& rules, const SealRequest& request, std::string_view call, int flags) {
  const bool reads = request.Has(SealGrant::kReadPaths), writes = request.Has(SealGrant::kWritePaths),
             creates = request.Has(SealGrant::kCreatePaths);
  const auto allow = [&](std::uint64_t mask, std::uint64_t value) { rules.Allow(call, {Rules::Masked(flags, mask, value)}); };
  if (reads && writes) {
    allow(creates ? 0 : kCreateFlags, 0);
    return;
  }
  if (reads) allow(kOpenFlags, O_RDONLY);
  if (reads && creates) allow(kOpenFlags, O_RDONLY | O_CREAT);
  if (writes) allow(O_ACCMODE | (creates ? 0 : kCreateFlags), O_WRONLY);
}

void AddPaths(Rules& rules, const SealRequest& request) {
  const bool reads = request.Has(SealGrant::kReadPaths), writes = request.Has(SealGrant::kWritePaths),
             creates = request.Has(SealGrant::kCreatePaths);
  if (!reads && !writes && !creates) return;
  rules.Refuse("openat2", ENOSYS);  // its flags lie behind a pointer
  AddOpen(rules, request, "open", 1);
  AddOpen(rules, request, "openat", 2);
  if (reads) {
    rules.AllowEach({"stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink",
                     "readlinkat", "statfs", "fstatfs", "chdir", "fchdir", "getdents", "getdents64"});
  }
  if (writes) rules.AllowEach({"truncate", "utimensat"});
  if (creates) {
    if (writes) rules.Allow("creat");
    rules.AllowEach({"mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2",
                     "link", "linkat", "symlink", "symlinkat"});
  }
}

void AddSockets(Rules& rules, const SealRequest& request) {
  if (request.Has(SealGrant::kInternet)) {
    for (const std::uint64_t family : {kFamilyInet, kFamilyInet6}) {
      for (const std::uint64_t type : {kStream, kDatagram}) {
        rules.Allow("socket", {Rules::Equals(0, family), Rules::Masked(1, kTypeMask, type)});
      }
    }
  }
  if (request.Has(SealGrant::kUnixSockets)) {
    rules.Allow("socket", {Rules::Equals(0, kFamilyUnix)});
    rules.Allow("socketpair", {Rules::Equals(0, kFamilyUnix)});
  }
  if (request.Has(SealGrant::kInternet) || request.Has(SealGrant::kUnixSockets)) {
    rules.AllowEach({"connect", "bind", "listen", "accept", "accept4", "sendto", "recvfrom", "sendmsg", "recvmsg",
                     "sendmmsg", "recvmmsg", "shutdown", "getsockname", "getpeername", "getsockopt", "setsockopt"});
  }
}

void AddProcesses(Rules& rules, const SealRequest& request) {
  if (request.Has(SealGrant::kProcesses)) {
    rules.Refuse("clone3", ENOSYS);
    rules.Allow("clone", {Rules::Masked(0, kAnyNamespace, 0)});
    rules.AllowEach({"fork", "vfork", "wait4", "waitid", "setpgid", "getpgid", "setsid", "getsid", "kill", "tgkill",
                     "pidfd_open", "pidfd_send_signal"});
  }
  if (request.Has(SealGrant::kExecute)) {
    rules.AllowEach({"execve", "execveat", "arch_prctl", "set_tid_address", "set_robust_list", "rseq"});
  }
  if (request.Has(SealGrant::kNewCode)) rules.AllowEach({"mmap", "mprotect", "pkey_mprotect"});
}

}  // namespace

void AddPromises(Rules& rules, const SealRequest& request) {
  if (request.Has(SealGrant::kDescriptors)) AddDescriptors(rules);
  AddPaths(rules, request);
  AddSockets(rules, request);
  AddProcesses(rules, request);
  if (request.Has(SealGrant::kAttributes)) {
    rules.AllowEach({"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime",
                     "utimes", "futimesat", "utimensat"});
  }
  if (request.Has(SealGrant::kFileLocks)) {
    rules.Allow("flock");
    for (const std::uint64_t command : {F_GETLK, F_SETLK, F_SETLKW}) rules.Allow("fcntl", {Rules::Equals(1, command)});
  }
  if (request.Has(SealGrant::kTerminal)) {
    for (const std::uint64_t command : {kGetAttributes, kGetWindow}) rules.Allow("ioctl", {Rules::Equals(1, command)});
  }
}

bool AddPromise(SealRequest& request, std::string_view name) {
  for (const Word& word : kWords) {
    if (word.name != name) continue;
    request.grants |= word.grants;
    if (name == "stdio") request.threads = SealThreads::kNew;
    return true;
  }
  return false;
}

}  // namespace moat::seal
