#include "seal/inspect.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/safe_text.h"
#include "base/text.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::seal {
namespace {

using uapi::IsError;
using uapi::Syscall;

struct Dirent {  // linux_dirent64
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  std::uint8_t type;
  char name[1];
};

// The numbers that a folder of /proc has for names.
Result<std::vector<int>> Numbers(const char* folder, int& own) {
  auto opened = sys::open(folder, O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) {
    return HostError(std::string(folder) + " cannot be read: what the process holds cannot be checked",
                     "mount /proc; a process without it is not sealed");
  }
  own = opened->get();
  std::vector<int> numbers;
  alignas(8) char buffer[8192];
  for (;;) {
    const long got = Syscall(__NR_getdents64, own, buffer, sizeof(buffer));
    if (IsError(got)) return SystemError("getdents64", static_cast<int>(-got), folder);
    if (got == 0) break;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const Dirent*>(buffer + at);
      const char* name = buffer + at + offsetof(Dirent, name);
      if (name[0] >= '0' && name[0] <= '9') numbers.push_back(atoi(name));
      at += entry->length;
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string ProcPath(const char* folder, int number, const char* rest) {
  return std::string(folder) + base::Number(static_cast<std::uint64_t>(number)) + rest;
}

std::string LinkOf(int fd) {
  char target[256];
  const ssize_t length = readlink(ProcPath("/proc/self/fd/", fd, "").c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

std::string KindOf(int fd) {
  struct stat facts;
  if (fstat(fd, &facts) != 0) return "nothing";
  if (S_ISDIR(facts.st_mode)) return "directory";
  if (S_ISSOCK(facts.st_mode)) return "socket";
  if (S_ISFIFO(facts.st_mode)) return "pipe";
  if (S_ISREG(facts.st_mode)) return "file";
  if (S_ISBLK(facts.st_mode)) return "block device";
  if (S_ISCHR(facts.st_mode)) return "device";
  const std::string link = LinkOf(fd);
  return link.find("io_uring") != std::string::npos ? "io_uring" : link.empty() ? "special" : link;
}

std::string Words(int fd, const std::string& kind) {
  std::string text = "descriptor " + base::Number(static_cast<std::uint64_t>(fd)) + " (" + kind;
  const std::string link = LinkOf(fd);
  if (!link.empty() && link != kind) text += " " + base::Printable(link);
  return text + ")";
}

// File systems on which a write is an order to the kernel: /proc/self/mem is one's own code.
bool GivesOrders(long magic) {
  constexpr long kMagics[] = {0x9fa0,     0x62656572, 0x64626720, 0x74726163, 0x27e0eb, 0x63677270,
                              0x73636673, 0x62656570, 0xcafe4a11, 0xf97cff8c, 0x6165676c};
  return std::find(std::begin(kMagics), std::end(kMagics), magic) != std::end(kMagics);
}

Status CheckRole(const SealRole& role, SealReport& report) {
  const int flags = fcntl(role.fd, F_GETFL);
  if (flags < 0) return PolicyError("descriptor " + base::SignedNumber(role.fd) + " is declared and not open");
  const std::string kind = KindOf(role.fd);
  const auto words = [&] { return Words(role.fd, kind); };  // only for those who complain: it asks /proc
  if (kind == "directory" || kind == "io_uring" || (flags & O_PATH) != 0) {
    return WithFix(PolicyError(words() + " cannot be declared: it leads to other things"), "open what is needed, and close it");
  }
  const int mode = flags & O_ACCMODE;
  const bool reads = role.read || role.map;
  if (reads && mode == O_WRONLY) return PolicyError(words() + " is declared for reading and open for writing only");
  if (role.write && mode == O_RDONLY) return PolicyError(words() + " is declared for writing and open for reading only");
  if (role.write) {
    struct statfs system;
    if (fstatfs(role.fd, &system) == 0 && GivesOrders(static_cast<long>(system.f_type))) {
      return PolicyError(words() + " cannot be declared for writing: what is written there is an order to the kernel");
    }
  }
  if (kind == "socket") report.notes.push_back(words() + " is declared: whoever is at its other end is within reach");
  if (kind == "block device") report.notes.push_back(words() + " is declared: a whole disk is within reach");
  return {};
}

bool Declared(const SealRequest& request, int fd) {
  if (fd == request.record_fd) return true;
  return std::any_of(request.roles.begin(), request.roles.end(), [&](const SealRole& role) { return role.fd == fd; });
}

// The grants for anything that is open take plain ones in.
bool TakenIn(const SealRequest& request, int fd, const std::string& kind) {
  if (kind == "directory" || kind == "socket" || kind == "io_uring") return request.Has(SealGrant::kDescriptors) && kind != "io_uring";
  const int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
  return (request.Has(SealGrant::kAnyRead) && mode != O_WRONLY) || (request.Has(SealGrant::kAnyWrite) && mode != O_RDONLY);
}

// "thread 4711 (worker)"
std::string ThreadInWords(int tid) {
  std::string name;
  if (auto text = sys::ReadFile(ProcPath("/proc/self/task/", tid, "/comm"), 64); text.ok()) name = *text;
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return "thread " + base::Number(static_cast<std::uint64_t>(tid)) + " (" + base::Printable(name) + ")";
}

}  // namespace

Result<std::vector<int>> OpenDescriptors() {
  int own = -1;
  std::vector<int> numbers = MOAT_TRY(Numbers("/proc/self/fd", own));
  numbers.erase(std::remove(numbers.begin(), numbers.end(), own), numbers.end());
  return numbers;
}

Result<std::vector<Thread>> Threads() {
  int own = -1;
  std::vector<Thread> threads;
  for (const int tid : MOAT_TRY(Numbers("/proc/self/task", own))) threads.push_back({tid, ThreadInWords(tid)});
  return threads;
}

Status CheckRoles(const SealRequest& request, SealReport& report) {
  for (const SealRole& role : request.roles) MOAT_TRY(CheckRole(role, report));
  if (request.record_fd >= 0 && fcntl(request.record_fd, F_GETFD) < 0) {
    return PolicyError("the descriptor for records, " + base::SignedNumber(request.record_fd) + ", is not open");
  }
  return {};
}

// Since Linux 6.2 the folder's size is the number of open descriptors. When that is how many were
// declared, all of them open, there is no other, and the list, which costs the kernel an inode
// for each, need not be made.
bool CountsAsDeclared(const SealRequest& request) {
  std::vector<int> declared;
  if (request.record_fd >= 0) declared.push_back(request.record_fd);
  for (const SealRole& role : request.roles) declared.push_back(role.fd);
  std::sort(declared.begin(), declared.end());
  const auto count = std::unique(declared.begin(), declared.end()) - declared.begin();
  struct stat facts;
  return stat("/proc/self/fd", &facts) == 0 && count != 0 && facts.st_size == static_cast<off_t>(count);
}

Status HandleStrays(const SealRequest& request, SealReport& report) {
  if (CountsAsDeclared(request)) return {};
  std::string refused;
  for (const int fd : MOAT_TRY(OpenDescriptors())) {
    if (Declared(request, fd)) continue;
    const std::string kind = KindOf(fd);
    if (kind != "nothing" && TakenIn(request, fd, kind)) continue;
    const bool ring = kind == "io_uring";  // its worker goes on without system calls, closed or not
    if (request.strays == SealStrays::kClose && !ring) {
      SealReport::Stray stray{fd, kind, "closed"};
      if (kind == "directory" || kind == "socket") report.notes.push_back(Words(fd, kind) + " was left over and is closed");
      close(fd);
      report.strays.push_back(std::move(stray));
      continue;
    }
    const bool reaches = ring || kind == "directory" || kind == "socket";
    if (request.strays == SealStrays::kKeep && !reaches) {
      report.strays.push_back({fd, kind, "kept"});
      continue;
    }
    refused += (refused.empty() ? "" : ", ") + Words(fd, kind);
  }
  if (refused.empty()) return {};
  return WithFix(PolicyError("open and not declared: " + refused),
                 "declare what is needed, close the rest, or let .Strays(SealStrays::kClose) do it");
}

// unshare(2) has nothing to do, and says so, when no other thread and no other process has a part in
// this memory; else it refuses (kernel/fork.c, check_unshare_flags). Whoever shares memory with a sealed
// process is its hands: what it writes there, the sealed one need not ask the kernel for.
Status CheckThreads(const SealRequest& request) {
  if (request.threads != SealThreads::kNone) return {};
  const long unshared = Syscall(__NR_unshare, CLONE_VM);
  if (unshared == 0) return {};
  std::string others;
  const long self = Syscall(__NR_gettid);
  for (const Thread& thread : MOAT_TRY(Threads())) {
    if (thread.tid != self) others += (others.empty() ? "" : ", ") + thread.name;
  }
  if (others.empty() && unshared == -EINVAL && Syscall(__NR_unshare, CLONE_VM) == -EINVAL) {
    return WithFix(PolicyError("another process shares this one's memory"),
                   "seal neither a child of vfork nor its parent: start it by fork, or execute first");
  }
  if (others.empty()) return {};  // one that was just ending
  return WithFix(PolicyError("the seal is for one thread, and there is also " + others),
                 "end them, or allow them by .Threads()");
}

Status CheckIds(SealReport& report) {
  unsigned u[3], g[3];
  if (IsError(Syscall(__NR_getresuid, &u[0], &u[1], &u[2])) || IsError(Syscall(__NR_getresgid, &g[0], &g[1], &g[2]))) {
    return SystemError("getresuid", EPERM);
  }
  if (u[0] != u[1] || u[1] != u[2] || g[0] != g[1] || g[1] != g[2]) {
    return WithFix(HostError("real, effective and saved ids differ: this is a set-user-ID program"),
                   "give up the other ids first (setresuid, setresgid)");
  }
  if (u[0] == 0) report.notes.emplace_back("the process is root: a seal takes system calls away, not what files allow");
  return {};
}

Status CheckMappings(const SealRequest& request, SealReport& report) {
  const std::string maps = MOAT_TRY(sys::ReadFile("/proc/self/maps", 64U << 20));
  std::size_t shared = 0;
  for (std::size_t at = 0; at < maps.size();) {
    const std::size_t end = std::min(maps.find('\n', at), maps.size());
    const std::string line = maps.substr(at, end - at);
    at = end + 1;
    const std::size_t rights = line.find(' ') + 1;  // "rwxp"
    if (rights == 0 || rights + 4 > line.size()) continue;
    if (line.find("[io_uring]") != std::string::npos) {
      return WithFix(PolicyError("an io_uring is mapped: its worker does input and output without system calls"),
                     "unmap and close it before the seal");
    }
    const bool writes = line[rights + 1] == 'w', runs = line[rights + 2] == 'x';
    if (writes && runs && !request.Has(SealGrant::kNewCode)) {
      return WithFix(PolicyError("memory is writable and executable at " + line.substr(0, rights - 1) +
                                 ": whatever is written there runs"),
                     "make it read-only first (a JIT compiler? an executable stack?)");
    }
    if (writes && line[rights + 3] == 's' && line.find('/') != std::string::npos) ++shared;
  }
  if (shared != 0) {
    report.notes.push_back(base::Number(shared) + " files are mapped writable and shared: they can be written without a system call");
  }
  return {};
}

}  // namespace moat::seal
