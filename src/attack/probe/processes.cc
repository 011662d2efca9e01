// Other processes, and what they share: signals, limits, System V and POSIX objects.
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

pid_t HostPid() { return static_cast<pid_t>(CanaryNumber("pid")); }

Verdict SignalEveryone() { return Failed(kill(-1, 0), "kill(-1, 0)"); }
Verdict SignalHost() { return Failed(kill(HostPid(), 0), "kill of a process outside"); }
Verdict PidfdHost() { return Failed(syscall(SYS_pidfd_open, HostPid(), 0), "pidfd_open of a process outside"); }
Verdict QueueSignalHost() {
  siginfo_t info = {};
  info.si_code = SI_QUEUE;
  return Failed(syscall(SYS_rt_sigqueueinfo, HostPid(), 0, &info), "rt_sigqueueinfo to a process outside");
}

// A group or session whose leader is outside shows as 0 here, and can be signalled by kill(0).
Verdict Outsiders(pid_t (*leader)(pid_t), const char* what) {
  if (!Outside()) return leader(0) == 0 ? Open("the %s is the launcher's", what) : Closed("a %s of its own", what);
  // A control that is what a jail without setsid would be: only its pid namespace is new.
  if (unshare(CLONE_NEWPID) != 0) return NotHere("unshare: %s", strerror(errno));
  const pid_t child = fork();
  if (child == 0) _exit(leader(0) == 0 ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status) == 1 ? Open("the %s is the launcher's", what) : Closed("a %s of its own", what);
}
Verdict LaunchersGroup() { return Outsiders(getpgid, "process group"); }
Verdict LaunchersSession() { return Outsiders(getsid, "session"); }

Verdict SharedMemory() { return Failed(shmget(static_cast<key_t>(CanaryNumber("shm.key")), 0, 0), "shmget of the host's"); }
Verdict SharedMemoryById() { return Failed(reinterpret_cast<long>(shmat(static_cast<int>(CanaryNumber("shm.id")), nullptr, 0)), "shmat of the host's"); }
Verdict Semaphores() { return Failed(semget(static_cast<key_t>(CanaryNumber("shm.key")), 0, 0), "semget of the host's"); }
Verdict Messages() { return Failed(msgget(static_cast<key_t>(CanaryNumber("shm.key")), 0), "msgget of the host's"); }
Verdict PosixQueue() { return Failed(syscall(SYS_mq_open, Canary("mq") + 1, O_RDONLY, 0, nullptr), "mq_open of the host's"); }

Verdict LimitsOfHost() {
  struct rlimit limit;
  return Failed(prlimit(HostPid(), RLIMIT_NOFILE, nullptr, &limit), "prlimit of a process outside");
}
Verdict LimitsOfInit() {
  struct rlimit limit = {};
  if (Outside()) return Failed(prlimit(HostPid(), RLIMIT_CORE, nullptr, &limit), "prlimit");
  limit.rlim_cur = limit.rlim_max = 0;
  // The host's own is only looked at.
  if (InitOrSelf() != 1) return Failed(prlimit(1, RLIMIT_CPU, nullptr, &limit), "prlimit of the host's pid 1");
  return Failed(prlimit(1, RLIMIT_CPU, nullptr, &limit), "prlimit of pid 1");
}
Verdict OwnerOfSignals() {
  int ends[2];
  if (pipe(ends) != 0) return NotHere("no pipes");
  return Failed(fcntl(ends[0], F_SETOWN, HostPid()), "F_SETOWN to a process outside");
}
Verdict AffinityOfHost() {
  cpu_set_t set;
  return Failed(sched_getaffinity(HostPid(), sizeof(set), &set), "sched_getaffinity of a process outside");
}
Verdict PriorityOfHost() {
  errno = 0;
  const int value = getpriority(PRIO_PROCESS, static_cast<id_t>(HostPid()));
  return Failed(errno == 0 ? value >= 0 ? value : -value : -1, "getpriority of a process outside");
}
// pid 1 has the job's uid: slowed down, it would forward and reap late. Outside, any process of
// ours stands for it.
pid_t Init() { return InitOrSelf(); }
Verdict AffinityOfInit() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  return Failed(sched_setaffinity(Init(), sizeof(set), &set), "sched_setaffinity of pid 1");
}
Verdict ClassOfInit() {
  struct sched_param parameters = {};
  return Failed(sched_setscheduler(Init(), SCHED_IDLE, &parameters), "sched_setscheduler of pid 1");
}
Verdict PriorityOfInit() {
  return Failed(setpriority(PRIO_PROCESS, static_cast<id_t>(Init()), 19), "setpriority of pid 1");
}
// Of a user who has no process: with 0, the control would slow down everything that its caller runs.
Verdict PriorityOfUser() { return Turned(setpriority(PRIO_USER, 0x7ffffffe, 19), "setpriority of all processes of a user"); }
Verdict ReleaseMemoryOfHost() {
  return Turned(syscall(448, syscall(SYS_pidfd_open, HostPid(), 0), 0), "process_mrelease");
}

constexpr Probe kProbes[] = {
    {"signal-everyone", SignalEveryone},
    {"signal-outside", SignalHost},
    {"queue-signal-outside", QueueSignalHost},
    {"pidfd-outside", PidfdHost},
    {"launchers-group", LaunchersGroup},
    {"launchers-session", LaunchersSession},
    {"host-shared-memory", SharedMemory},
    {"host-shared-memory-id", SharedMemoryById},
    {"host-semaphores", Semaphores},
    {"host-messages", Messages},
    {"host-posix-queue", PosixQueue},
    {"limits-outside", LimitsOfHost},
    {"limits-init", LimitsOfInit},
    {"signal-owner-outside", OwnerOfSignals},
    {"affinity-outside", AffinityOfHost},
    {"priority-outside", PriorityOfHost},
    {"affinity-init", AffinityOfInit},
    {"class-init", ClassOfInit},
    {"priority-init", PriorityOfInit},
    {"priority-user", PriorityOfUser},
    {"mrelease", ReleaseMemoryOfHost},
};

}  // namespace

Probes ProcessProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
