#include "seal/spec.h"

#include <linux/mman.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "seal/promises.h"
#include "seal/rules.h"

namespace moat::seal {
namespace {

using Conditions = Rules::Conditions;

constexpr std::uint64_t kMapTypeMask = 0x0f;
constexpr std::uint64_t kLastOrdinaryAdvice = 25;  // MADV_COLLAPSE; above 100 are those that poison pages
// CLOCK_REALTIME .. CLOCK_TAI. Others are negative: clocks of other processes, and of descriptors.
constexpr std::uint64_t kOrdinaryClocks = 0x0f;
// What pthread_create of glibc and of musl (CLONE_DETACHED, without effect) asks for.
constexpr std::uint64_t kThreadFlags = 0x003d0f00;
constexpr std::uint64_t kDetachedFlag = 0x00400000;

void AddVital(Rules& rules) {
  // Refused, these hang or spin a process; none reaches anything.
  rules.AllowEach({"exit", "exit_group", "rt_sigreturn", "restart_syscall"});
}

void AddRoles(Rules& rules, const SealRequest& request) {
  for (const SealRole& role : request.roles) {
    const Conditions own = {Rules::Equals(0, static_cast<std::uint64_t>(role.fd))};
    if (role.read) rules.AllowEach({"read", "readv", "pread64", "preadv"}, own);
    if (role.write) rules.AllowEach({"write", "writev", "pwrite64", "pwritev"}, own);
    if (role.seek) rules.Allow("lseek", own);
    if (role.map) {
      // Private: written pages are copies. Shared ones would turn a role of reading into one
      // of writing as soon as the descriptor allows it.
      rules.Allow("mmap", {Rules::Equals(4, static_cast<std::uint64_t>(role.fd)), Rules::Masked(2, PROT_EXEC, 0),
                           Rules::Masked(3, kMapTypeMask | MAP_ANONYMOUS, MAP_PRIVATE)});
    }
    if (request.Has(SealGrant::kBasics)) {
      rules.AllowEach({"fstat", "close"}, own);
      static_assert((F_GETFD | 2) == F_GETFL);  // both in one test: short filters are quick to install
      rules.Allow("fcntl", {own[0], Rules::Masked(1, ~std::uint64_t{2} & 0xffffffffU, F_GETFD)});
    }
  }
  if (request.Has(SealGrant::kAnyRead)) rules.AllowEach({"read", "readv", "pread64", "preadv"});
  if (request.Has(SealGrant::kAnyWrite)) rules.AllowEach({"write", "writev", "pwrite64", "pwritev"});
}

// A handler of traps writes its record, and asks the kernel whether memory can be read.
void AddRecord(Rules& rules, const SealRequest& request) {
  if (request.violation != SealViolation::kTrap && request.violation != SealViolation::kReport) return;
  if (request.record_fd >= 0) {
    rules.Allow("write", {Rules::Equals(0, static_cast<std::uint64_t>(request.record_fd))});
  }
  rules.AllowEach({"rt_sigprocmask", "getpid", "gettid"});
}

// Whoever could replace the handler of SIGSYS would not die of it; nor would who handles the SIGSEGV that
// the kernel sends when that handler finds no stack.
void AddSignals(Rules& rules, const SealRequest& request, int own_pid) {
  rules.Refuse("rt_sigaction", EPERM, {Rules::Equals(0, SIGSYS)});
  if (request.violation == SealViolation::kTrap) rules.Refuse("rt_sigaction", EPERM, {Rules::Equals(0, SIGSEGV)});
  rules.AllowEach({"rt_sigaction", "rt_sigprocmask", "sigaltstack"});
  // abort(): SIGABRT to oneself. glibc says tgkill, musl tkill; the main thread's number is the
  // process' own, and nobody else's while it lives.
  const auto pid = static_cast<std::uint64_t>(own_pid);
  rules.Allow("tgkill", {Rules::Equals(0, pid), Rules::Equals(2, SIGABRT)});
  rules.Refuse("tgkill", EPERM, {Rules::Equals(0, pid)});
  rules.Allow("tkill", {Rules::Equals(0, pid), Rules::Equals(1, SIGABRT)});
  rules.Refuse("tkill", EPERM, {Rules::Equals(0, pid)});
}

// One thread alone waits for nobody, but its C library knocks at doors on the way. Locks that lend priority
// name their owner by number, which may be any process.
void AddLonelyFutex(Rules& rules) {
  constexpr std::uint64_t kCommand = 0x7f, kWaitBits = 9, kWakeBits = 10;
  rules.Allow("futex", {Rules::Masked(1, kCommand & ~1ULL, 0)});  // FUTEX_WAIT, FUTEX_WAKE
  rules.Allow("futex", {Rules::Masked(1, kCommand, kWaitBits)});
  rules.Allow("futex", {Rules::Masked(1, kCommand, kWakeBits)});
  rules.Refuse("futex", ENOSYS);
}

// What libc asks although it gets by without an answer. These reach nothing; a death here
// would be a riddle in production.
void AddHarmless(Rules& rules) {
  rules.AllowEach({"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid"});
  AddLonelyFutex(rules);
  rules.RefuseEach({"fstat", "newfstatat", "statx", "stat", "lstat"}, EPERM);  // stdio: how big shall my buffer be
  rules.Refuse("ioctl", ENOTTY);                                // stdio: is it a terminal
  rules.Refuse("lseek", ESPIPE);                                // exit: put the position back
  rules.RefuseEach({"close", "fcntl"}, EBADF);
  rules.Refuse("dup", EMFILE);                                  // perror: a stream of its own
  rules.RefuseEach({"write", "writev"}, EBADF, {Rules::Equals(0, 2)});  // the last words of assert and abort
  rules.RefuseEach({"fadvise64", "prlimit64", "getrlimit", "getrusage", "uname", "prctl",
                    "get_mempolicy", "getcwd", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
                    "sched_get_priority_min"}, EPERM);
  rules.Refuse("sched_getaffinity", ENOSYS);  // pthread_getattr_np of another thread gets by without, but not with EPERM
  rules.RefuseEach({"getrandom", "rseq", "set_robust_list", "membarrier"}, ENOSYS);
  rules.RefuseEach({"copy_file_range", "sendfile", "splice"}, ENOSYS);  // copying: then by read and write
}

void AddMemory(Rules& rules) {
  rules.AllowEach({"brk", "munmap", "mremap", "sysinfo"});  // sysinfo: qsort asks how much there is
  rules.Allow("mmap", {Rules::Masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS), Rules::Masked(2, PROT_EXEC, 0)});
  rules.Allow("mprotect", {Rules::Masked(2, PROT_EXEC, 0)});
  rules.Allow("madvise", {{2, bpf::Compare::kGreaterEqual, 0, ~0ULL},
                          {2, bpf::Compare::kLessEqual, kLastOrdinaryAdvice, ~0ULL}});
  rules.Refuse("madvise", EINVAL);
}

// What was taken before the seal is given back behind it, by Apply's own destructors first of all. It stays
// with the process instead: free() does not look at the answer.
void AddKeeping(Rules& rules) { rules.RefuseEach({"munmap", "madvise", "brk"}, ENOMEM); }

void AddTime(Rules& rules) {
  rules.AllowEach({"gettimeofday", "time", "times", "nanosleep"});
  for (const auto call : {"clock_gettime", "clock_getres", "clock_nanosleep"}) {
    rules.Allow(call, {Rules::Masked(0, ~kOrdinaryClocks & 0xffffffffU, 0)});
    rules.Refuse(call, EINVAL);
  }
}

void AddThreads(Rules& rules, SealThreads threads) {
  if (threads == SealThreads::kNone) return;
  rules.AllowEach({"futex", "futex_wait", "futex_wake", "futex_waitv", "futex_requeue", "sched_yield", "membarrier", "rseq",
                   "set_robust_list", "munmap"});
  // One's own, and nobody else's: how many processors there are, whether robust locks work (musl).
  rules.AllowEach({"sched_getaffinity", "get_robust_list"}, {Rules::Equals(0, 0)});
  rules.Allow("madvise", {Rules::Equals(2, MADV_DONTNEED)});  // the stack of a thread that ends
  rules.Allow("prctl", {Rules::Equals(0, PR_SET_NAME)});
  if (threads != SealThreads::kNew) return;
  rules.Refuse("clone3", ENOSYS);  // its flags lie behind a pointer; libc falls back to clone
  rules.Allow("clone", {Rules::Masked(0, ~kDetachedFlag, kThreadFlags)});
  rules.Allow("mprotect", {Rules::Masked(2, PROT_EXEC, 0)});
  rules.Allow("mmap", {Rules::Masked(3, MAP_ANONYMOUS, MAP_ANONYMOUS), Rules::Masked(2, PROT_EXEC, 0)});
}

void AddSoftOpen(Rules& rules) {
  rules.RefuseEach({"open", "openat", "access", "faccessat", "faccessat2", "stat", "lstat", "readlink", "readlinkat",
                    "getcwd", "socket"}, EACCES);
  rules.Refuse("openat2", ENOSYS);
}

}  // namespace

bpf::Action ViolationAction(const SealRequest& request) {
  const auto data = request.record_fd < 0 ? kNoRecord : static_cast<std::uint16_t>(request.record_fd);
  switch (request.violation) {
    case SealViolation::kKill: return bpf::KillProcess();
    case SealViolation::kTrap:
    case SealViolation::kReport: return {bpf::ActionKind::kTrap, data};
    case SealViolation::kErrno: return bpf::Errno(request.violation_errno);
    case SealViolation::kLog: return {bpf::ActionKind::kLog, 0};
  }
  return bpf::KillProcess();
}

Result<bpf::FilterSpec> BuildSpec(const SealRequest& request, bpf::Abi abi, int own_pid) {
  bpf::FilterSpec spec;
  spec.abi = abi;
  spec.default_action = ViolationAction(request);
  spec.unknown_action = bpf::Errno(ENOSYS);
  spec.foreign_action = bpf::KillProcess();
  spec.favour = bpf::Favour::kInstall;
  Rules rules(spec);
  AddVital(rules);
  AddRoles(rules, request);
  AddRecord(rules, request);
  AddPromises(rules, request);
  if (request.Has(SealGrant::kMemory)) AddMemory(rules);
  if (request.Has(SealGrant::kTime)) AddTime(rules);
  if (request.Has(SealGrant::kRandom)) rules.Allow("getrandom");
  if (request.Has(SealGrant::kWaiting)) rules.AllowEach({"poll", "ppoll", "select", "pselect6"});
  AddThreads(rules, request.threads);
  if (!request.Has(SealGrant::kMemory)) AddKeeping(rules);
  if (request.Has(SealGrant::kSoftOpen)) AddSoftOpen(rules);
  if (request.Has(SealGrant::kBasics)) {
    AddSignals(rules, request, own_pid);
    AddHarmless(rules);
  }
  // The handler cannot repeat these from where it stands: threads would start in its frame, and
  // masks end with it. Development only, so the kernel's log has to do.
  if (request.violation == SealViolation::kReport) {
    for (const auto call : {"clone", "clone3", "fork", "vfork", "rt_sigprocmask", "sigaltstack", "rt_sigaction"}) {
      const bpf::SyscallInfo* info = bpf::FindSyscall(abi, call);
      if (info != nullptr) spec.rules.push_back({info->number, {}, {bpf::ActionKind::kLog, 0}, 0, false});
    }
  }
  return spec;
}

std::string_view EditFor(std::string_view call) {
  struct Edit {
    std::string_view call, edit;
  };
  static constexpr Edit kEdits[] = {
      {"read", ".Read(fd) for this descriptor"}, {"readv", ".Read(fd) for this descriptor"},
      {"pread64", ".Read(fd) for this descriptor"}, {"preadv", ".Read(fd) for this descriptor"},
      {"write", ".Write(fd) for this descriptor"}, {"writev", ".Write(fd) for this descriptor"},
      {"pwrite64", ".Write(fd) for this descriptor"}, {"pwritev", ".Write(fd) for this descriptor"},
      {"lseek", ".Seek(fd) for this descriptor"}, {"brk", ".Memory()"}, {"munmap", ".Memory()"},
      {"mremap", ".Memory()"}, {"madvise", ".Memory()"},
      {"mmap", ".Memory(), or .Map(fd) for an input; memory that can be executed never"},
      {"mprotect", ".Memory(); memory that can be executed never"},
      {"clock_gettime", ".Time()"}, {"clock_getres", ".Time()"}, {"gettimeofday", ".Time()"}, {"time", ".Time()"},
      {"times", ".Time()"}, {"nanosleep", ".Time()"}, {"clock_nanosleep", ".Time()"}, {"getrandom", ".Random()"},
      {"clone", ".Threads(SealThreads::kNew) if it was a thread; processes only by .Promise(proc)"},
      {"clone3", ".Threads(SealThreads::kNew) if it was a thread; processes only by .Promise(proc)"},
      {"poll", ".Waiting()"}, {"ppoll", ".Waiting()"}, {"select", ".Waiting()"}, {"pselect6", ".Waiting()"},
      {"sched_yield", ".Threads()"}, {"futex_wait", ".Threads()"}, {"futex_wake", ".Threads()"},
      {"open", "open it before the seal; .SoftOpen() if libc gets by without"},
      {"openat", "open it before the seal; .SoftOpen() if libc gets by without"},
      {"openat2", "open it before the seal; .SoftOpen() if libc gets by without"},
      {"stat", "ask before the seal; .SoftOpen() if libc gets by without"},
      {"access", "ask before the seal; .SoftOpen() if libc gets by without"},
      {"readlink", "ask before the seal; .SoftOpen() if libc gets by without"},
      {"socket", "connect before the seal; .Promise(inet) lets the whole internet in"},
      {"recvfrom", "read(2) instead, on a socket that was declared"},
      {"sendto", "write(2) instead, on a socket that was declared"},
      {"execve", ".Promise(exec), which is hardly a seal"},
  };
  for (const Edit& edit : kEdits) {
    if (edit.call == call) return edit.edit;
  }
  return {};
}

}  // namespace moat::seal
