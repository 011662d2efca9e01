#include "probe/trials.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <cerrno>

#include "probe/trial_steps.h"
#include "sys/calls.h"

namespace moat::probe {

using uapi::IsError;
using uapi::Syscall;

namespace {

constexpr int kFutexWait = 0, kFutexWake = 1;
constexpr std::size_t kKernelSigsetSize = 8;

struct NamespaceRow {
  Step step;
  std::uint64_t flag;
};
constexpr NamespaceRow kNamespaces[] = {
    {Step::kUser, uapi::kCloneNewUser}, {Step::kMount, uapi::kCloneNewNs},   {Step::kPid, uapi::kCloneNewPid},
    {Step::kNet, uapi::kCloneNewNet},   {Step::kIpc, uapi::kCloneNewIpc},    {Step::kUts, uapi::kCloneNewUts},
    {Step::kCgroup, uapi::kCloneNewCgroup},
};
constexpr std::uint64_t kAllNamespaces = uapi::kCloneNewUser | uapi::kCloneNewNs | uapi::kCloneNewPid |
                                         uapi::kCloneNewNet | uapi::kCloneNewIpc | uapi::kCloneNewUts |
                                         uapi::kCloneNewCgroup;

// A copy of this process that tells nobody when it ends. Older sandboxes hide clone3 behind
// ENOSYS: clone(2) then, so that the other trials have something to say.
long Fork(Trials& trials, std::uint64_t flags) {
  const uapi::CloneArgs args{.flags = flags | uapi::kCloneClearSighand};
  long result = Syscall(__NR_clone3, &args, sizeof(args));
  if (result == -ENOSYS || (trials.clone3 != 0 && IsError(result))) {
    trials.clone3 = static_cast<std::int32_t>(-result);
    result = Syscall(__NR_clone, flags, 0, 0, 0, 0);
  }
  return result;
}

void Reap(long pid) {
  long result;
  do result = Syscall(__NR_wait4, pid, nullptr, __WALL, nullptr);
  while (result == -EINTR);
}

// When the parent dies before or after this, so do we.
void DieWithParent(long parent_seen_by_us) {
  Syscall(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (Syscall(__NR_getppid) != parent_seen_by_us) Syscall(__NR_exit_group, 1);
}

struct Job {
  std::uint64_t namespaces;
  long mount;  // of the launcher's, or -errno
};

bool WaitAtGate(Trials& trials) {
  const struct timespec patience = {2, 0};
  while (__atomic_load_n(&trials.gate, __ATOMIC_ACQUIRE) == 0) {
    if (Syscall(__NR_futex, &trials.gate, kFutexWait, 0, &patience, nullptr, 0) == -ETIMEDOUT) return false;
  }
  return true;
}

void OpenGate(Trials& trials) {
  __atomic_store_n(&trials.gate, 1, __ATOMIC_RELEASE);
  Syscall(__NR_futex, &trials.gate, kFutexWake, 1, nullptr, nullptr, 0);
}

// What pid 1 of a job would do.
[[noreturn]] void PidOne(Trials& trials, const Job& job) {
  const auto has = [&](std::uint64_t flag) { return (job.namespaces & flag) != 0; };
  if (!WaitAtGate(trials)) Syscall(__NR_exit_group, 1);
  if (has(uapi::kCloneNewUser) && trials[Step::kJobMaps].worked()) {
    Outcome& ids = trials[Step::kIds];
    if (!IsError(Note(ids, "setresgid", Syscall(__NR_setresgid, 0, 0, 0)))) {
      Note(ids, "setresuid", Syscall(__NR_setresuid, 0, 0, 0));
    }
  }
  // After the ids: a change of ids takes it back.
  DieWithParent(has(uapi::kCloneNewPid) ? 0 : Syscall(__NR_getppid));
  if (has(uapi::kCloneNewPid)) {
    const MountOption subset = {"subset", "pid"};
    DetachedMount(trials[Step::kProcfs], "proc");
    DetachedMount(trials[Step::kProcfsSubset], "proc", &subset, 1);
  }
  // The host's own interface is none of our business.
  if (has(uapi::kCloneNewNet)) TryLoopback(trials[Step::kLoopback]);
  if (has(uapi::kCloneNewUser) && trials[Step::kIds].worked()) TryProcessCount(trials[Step::kProcessCount]);
  // Late: to the kernel a process whose root is covered is in a chroot, and such a one makes no
  // user namespaces.
  if (has(uapi::kCloneNewNs) && !IsError(job.mount)) TryAttach(trials[Step::kJobAttach], job.mount);
  TryFilter(trials);
  Syscall(__NR_exit_group, 0);
  __builtin_unreachable();
}

// Each namespace in a child of its own. Returns the ones that can be had.
std::uint64_t TryOneByOne(Trials& trials) {
  std::uint64_t possible = 0;
  for (const NamespaceRow& row : kNamespaces) {
    const long child = Fork(trials, row.flag);
    if (child == 0) Syscall(__NR_exit_group, 0);
    Note(trials[row.step], trials.clone3 != 0 ? "clone" : "clone3", child);
    if (IsError(child)) continue;
    Reap(child);
    possible |= row.flag;
  }
  return possible;
}

void TryJob(Trials& trials, const TrialSetup& setup) {
  Outcome mount_outcome;  // kTmpfs has said it already
  Job job{kAllNamespaces, DetachedMount(mount_outcome, "tmpfs")};
  long child = Fork(trials, job.namespaces);
  if (child == 0) PidOne(trials, job);
  Note(trials[Step::kTogether], trials.clone3 != 0 ? "clone" : "clone3", child);
  if (!IsError(child)) {
    for (const NamespaceRow& row : kNamespaces) trials[row.step] = trials[Step::kTogether];
  } else {
    job.namespaces = TryOneByOne(trials);
    child = Fork(trials, job.namespaces);
    if (child == 0) PidOne(trials, job);
    if (IsError(child)) return;
  }
  char digits[24] = {};
  char* end = digits;
  AppendDigits(end, static_cast<std::uint64_t>(child));
  if ((job.namespaces & uapi::kCloneNewUser) != 0) {
    // Without privilege the launcher is uid 0 of its own namespace, and so is the job.
    const std::uint32_t outside = setup.privilege == Privilege::kRoot ? setup.job_uid : 0;
    WriteMaps(trials[Step::kJobMaps], {digits, 0, outside, outside}, SetGroups::kKeep);
    if (trials[Step::kJobMaps].worked()) TryIdmap(trials[Step::kIdmap], digits);
  }
  OpenGate(trials);
  Reap(child);
}

// Filters need no namespace: tried here when no job came to it.
[[noreturn]] void EndLauncher(Trials& trials) {
  if (!trials[Step::kFilter].tried()) TryFilter(trials);
  Syscall(__NR_exit_group, 0);
  __builtin_unreachable();
}

// What the launcher would do.
[[noreturn]] void Launcher(Trials& trials, const TrialSetup& setup, long parent) {
  DieWithParent(parent);
  const bool root = setup.privilege == Privilege::kRoot;
  const unsigned long own = uapi::kCloneNewNs | (root ? 0 : uapi::kCloneNewUser);
  const long unshared = Note(trials[Step::kUnshare], "unshare", Syscall(__NR_unshare, own));
  if (!root) {
    if (IsError(unshared)) EndLauncher(trials);
    WriteMaps(trials[Step::kOwnMaps], {"self", 0, setup.uid, setup.gid}, SetGroups::kDeny);
    if (!trials[Step::kOwnMaps].worked()) EndLauncher(trials);
    // The new namespace came with new credentials, which forget whom to die with.
    Syscall(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  }
  if (!IsError(unshared)) {
    Note(trials[Step::kPrivate], "mount", Syscall(__NR_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  }
  TryOpenTree(trials);
  const long tmpfs = DetachedMount(trials[Step::kTmpfs], "tmpfs");
  TryJob(trials, setup);
  // After the job, as in PidOne(), and only where the host cannot see it.
  if (!IsError(tmpfs) && trials[Step::kPrivate].worked()) {
    TryAttach(trials[Step::kAttach], tmpfs);
    if (trials[Step::kAttach].worked()) TryOverlay(trials[Step::kOverlay], tmpfs);
  }
  EndLauncher(trials);
}

// True when the child ended by itself in time.
bool EndedInTime(long pid, std::chrono::milliseconds timeout) {
  const long pidfd = Syscall(__NR_pidfd_open, pid, 0);
  if (!IsError(pidfd)) {
    const sys::Pidfd owner(static_cast<int>(pidfd));
    struct pollfd entry = {owner.get(), POLLIN, 0};
    const struct timespec limit = {timeout.count() / 1000, timeout.count() % 1000 * 1000000};
    return Syscall(__NR_ppoll, &entry, 1, &limit, nullptr, kKernelSigsetSize) > 0;
  }
  const std::uint64_t end = sys::NowNs() + static_cast<std::uint64_t>(timeout.count()) * 1000000;
  while (sys::NowNs() < end) {
    siginfo_t info = {};
    Syscall(__NR_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, nullptr);
    if (info.si_pid != 0) return true;
    const struct timespec moment = {0, 1000000};
    Syscall(__NR_nanosleep, &moment, nullptr);
  }
  return false;
}

}  // namespace

Result<Trials> RunTrials(const TrialSetup& setup) {
  void* memory = mmap(nullptr, sizeof(Trials), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return SystemError("mmap", errno);
  Trials& trials = *new (memory) Trials;
  // No handler of the caller's may run in a copy of the caller.
  const std::uint64_t all = ~0ULL;
  std::uint64_t before = 0;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, kKernelSigsetSize);
  const long parent = Syscall(__NR_getpid);
  const long child = Fork(trials, 0);
  if (child == 0) Launcher(trials, setup, parent);
  if (!IsError(child)) {
    if (!EndedInTime(child, setup.timeout)) {
      trials.timed_out = 1;
      Syscall(__NR_kill, child, SIGKILL);  // ours and not reaped: the number cannot be another's
    }
    Reap(child);
  }
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kKernelSigsetSize);
  Trials copy = trials;
  munmap(memory, sizeof(Trials));
  if (IsError(child)) return SystemError("clone3", static_cast<int>(-child));
  return copy;
}

}  // namespace moat::probe
