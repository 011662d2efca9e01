#include "seal/inspect.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

std::string LinkOf(int fd) {
  char target[256];
  const ssize_t length = readlink(ProcPath("/proc/self/fd/", fd, "").c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

std::string KindOf(int fd, struct stat& facts) {
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

bool TakesOrders(int fd) {
  struct statfs system;
  return fstatfs(fd, &system) == 0 && GivesOrders(static_cast<long>(system.f_type));
}

// Devices that do nothing with what is written there: /dev/null and its like, terminals.
bool ReachesFurther(const struct stat& facts) {
  constexpr unsigned kMemory = 1, kTerminals = 4, kTerminal = 5, kFirstPty = 136, kLastPty = 143;
  const unsigned kind = major(facts.st_rdev), which = minor(facts.st_rdev);
  if (kind == kMemory) return which != 3 && which != 5 && which != 7 && which != 8 && which != 9;
  return kind != kTerminals && kind != kTerminal && (kind < kFirstPty || kind > kLastPty);
}

Status CheckRole(const SealRole& role, SealReport& report) {
  const int flags = fcntl(role.fd, F_GETFL);
  if (flags < 0) return PolicyError("descriptor " + base::SignedNumber(role.fd) + " is declared and not open");
  struct stat facts {};
  const std::string kind = KindOf(role.fd, facts);
  const auto words = [&] { return Words(role.fd, kind); };  // only for those who complain: it asks /proc
  if (kind == "directory" || kind == "io_uring" || (flags & O_PATH) != 0) {
    return WithFix(PolicyError(words() + " cannot be declared: it leads to other things"), "open what is needed, and close it");
  }
  const int mode = flags & O_ACCMODE;
  const bool reads = role.read || role.map;
  if (reads && mode == O_WRONLY) return PolicyError(words() + " is declared for reading and open for writing only");
  if (role.write && mode == O_RDONLY) return PolicyError(words() + " is declared for writing and open for reading only");
  if (role.write && TakesOrders(role.fd)) {
    return PolicyError(words() + " cannot be declared for writing: what is written there is an order to the kernel");
  }
  if (kind == "socket") report.notes.push_back(words() + " is declared: whoever is at its other end is within reach");
  if (kind == "device" && role.write && ReachesFurther(facts)) {
    report.notes.push_back(words() + " is declared: whatever that device does with bytes is within reach");
  }
  if (kind == "block device") report.notes.push_back(words() + " is declared: a whole disk is within reach");
  return {};
}

bool Declared(const SealRequest& request, int fd) {
  if (fd == request.record_fd) return true;
  return std::any_of(request.roles.begin(), request.roles.end(), [&](const SealRole& role) { return role.fd == fd; });
}

// Leave to write to anything does not mean the process' own code.
bool IsWayOut(const SealRequest& request, int fd) {
  return request.Has(SealGrant::kAnyWrite) && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && TakesOrders(fd);
}

// The grants for anything that is open take plain ones in.
bool TakenIn(const SealRequest& request, int fd, const std::string& kind) {
  if (kind == "directory" || kind == "socket" || kind == "io_uring") return request.Has(SealGrant::kDescriptors) && kind != "io_uring";
  if (IsWayOut(request, fd)) return false;
  const int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
  return (request.Has(SealGrant::kAnyRead) && mode != O_WRONLY) || (request.Has(SealGrant::kAnyWrite) && mode != O_RDONLY);
}

// One past the highest number that the table of descriptors has room for, as the kernel grows it; 0
// when that cannot be told. select(2), BUGS: numbers beyond the table are ignored, while those in
// it that are not open are an error.
int TableEnd() {
  constexpr int kFirst = 64, kMost = 128;  // from there on, /proc is quicker
  for (int end = kFirst; end <= kMost; end *= 2) {
    if (Syscall(__NR_fcntl, end, F_GETFD) != -EBADF) return 0;
    std::uint64_t asked[kMost / 64 + 1] = {};
    asked[end / 64] = 1;
    const std::int64_t at_once[2] = {0, 0};
    const long answer = Syscall(__NR_pselect6, end + 1, asked, nullptr, nullptr, at_once, nullptr);
    if (answer == 0) return end;
    if (answer != -EBADF) return 0;
  }
  return 0;
}

// By asking for each number: a process that has just been forked has nothing in /proc yet, and to
// be put there (and be taken away at its end) costs it 20 us.
bool OnlyDeclaredAnswer(const SealRequest& request) {
  const int end = TableEnd();
  for (int fd = 0; fd < end; ++fd) {
    if (!Declared(request, fd) && Syscall(__NR_fcntl, fd, F_GETFD) != -EBADF) return false;
  }
  return end != 0;
}

// What is left over and within reach is told, whatever took it in.
void TellReach(int fd, const std::string& kind, const struct stat& facts, SealReport& report) {
  const bool writes = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
  const bool far = kind == "block device" || (kind == "device" && writes && ReachesFurther(facts));
  if (!far && kind != "directory" && kind != "socket") return;
  report.notes.push_back(Words(fd, kind) + " was left over and stays within reach");
}

}  // namespace

bool GivesOrders(long file_system) {
  static constexpr long kMagics[] = {
      0x9fa0,     0x62656572, 0x64626720, 0x74726163, 0x27e0eb,   0x63677270,   // proc sysfs debugfs tracefs cgroup cgroup2
      0x73636673, 0x62656570, 0xcafe4a11, 0xf97cff8c, 0x43415d53, 0x6165676c,   // securityfs configfs bpf selinux smack pstore
      0x42494e4d, 0xde5e81e4, 0x65735543, 0x6e667364, 0x7655821,  0xabba1974};  // binfmt_misc efivarfs fusectl nfsd resctrl xenfs
  return std::find(std::begin(kMagics), std::end(kMagics), file_system) != std::end(kMagics);
}

Result<std::vector<int>> NumbersIn(const char* folder, int* own_fd) {
  auto opened = sys::open(folder, O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) {
    return HostError(std::string(folder) + " cannot be read: what the process holds cannot be checked",
                     "mount /proc; a process without it is not sealed");
  }
  const int own = opened->get();
  if (own_fd != nullptr) *own_fd = own;
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

Result<std::vector<int>> OpenDescriptors() {
  int own = -1;
  std::vector<int> numbers = MOAT_TRY(NumbersIn("/proc/self/fd", &own));
  numbers.erase(std::remove(numbers.begin(), numbers.end(), own), numbers.end());
  return numbers;
}

bool IsFiltered() { return Syscall(__NR_prctl, PR_GET_SECCOMP, 0L, 0L, 0L, 0L) != 0; }

Status CheckRoles(const SealRequest& request, SealReport& report) {
  for (const SealRole& role : request.roles) MOAT_TRY(CheckRole(role, report));
  if (request.record_fd < 0) return {};
  const int flags = fcntl(request.record_fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) {
    return PolicyError("the descriptor for records, " + base::SignedNumber(request.record_fd) + ", is not open" +
                       (flags < 0 ? "" : " for writing"));
  }
  // Whoever takes the program over writes there as the handler does.
  if (!TakesOrders(request.record_fd)) return {};
  return PolicyError("the descriptor for records, " + base::SignedNumber(request.record_fd) + ", gives orders to the kernel");
}

// Since Linux 6.2 the folder's size is the number of open descriptors. When that is how many were
// declared, all of them open, there is no other, and the list, which costs the kernel an inode
// for each, need not be made.
bool CountsAsDeclared(const SealRequest& request) {
  if (!IsFiltered() && OnlyDeclaredAnswer(request)) return true;
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
    struct stat facts {};
    const std::string kind = KindOf(fd, facts);
    if (kind != "nothing" && TakenIn(request, fd, kind)) {
      TellReach(fd, kind, facts, report);
      continue;
    }
    const bool ring = kind == "io_uring";  // its worker goes on without system calls, closed or not
    if (request.strays == SealStrays::kClose && !ring) {
      SealReport::Stray stray{fd, kind, "closed"};
      if (kind == "directory" || kind == "socket") report.notes.push_back(Words(fd, kind) + " was left over and is closed");
      close(fd);
      report.strays.push_back(std::move(stray));
      continue;
    }
    const bool reaches = ring || kind == "directory" || kind == "socket" || IsWayOut(request, fd);
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

Status CheckIds() {
  unsigned u[3], g[3];
  if (IsError(Syscall(__NR_getresuid, &u[0], &u[1], &u[2])) || IsError(Syscall(__NR_getresgid, &g[0], &g[1], &g[2]))) {
    return SystemError("getresuid", EPERM);
  }
  if (u[0] != u[1] || u[1] != u[2] || g[0] != g[1] || g[1] != g[2]) {
    return WithFix(HostError("real, effective and saved ids differ: this is a set-user-ID program"),
                   "give up the other ids first (setresuid, setresgid)");
  }
  return {};
}

}  // namespace moat::seal
