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

#include "escape/probe.h"

namespace moat::escape {
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
pid_t Init() { return Outside() ? getpid() : 1; }
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
    {"signal-everyone", "I1", "signal all processes", SignalEveryone},
    {"signal-outside", "I2", "signal a process outside", SignalHost},
    {"queue-signal-outside", "I2", "queue a signal for a process outside", QueueSignalHost},
    {"pidfd-outside", "I14", "hold a process outside", PidfdHost},
    {"launchers-group", "I3", "be in the launcher's process group", LaunchersGroup},
    {"launchers-session", "I4", "be in the launcher's session", LaunchersSession},
    {"host-shared-memory", "I5", "find the host's shared memory", SharedMemory},
    {"host-shared-memory-id", "I5", "attach the host's shared memory by its number", SharedMemoryById},
    {"host-semaphores", "I6", "find the host's semaphores", Semaphores},
    {"host-messages", "I6", "find the host's message queue", Messages},
    {"host-posix-queue", "I7", "open the host's POSIX message queue", PosixQueue},
    {"limits-outside", "I12", "read or set limits of a process outside", LimitsOfHost},
    {"limits-init", "I12", "starve pid 1 by its limits", LimitsOfInit},
    {"signal-owner-outside", "I13", "have the kernel signal a process outside", OwnerOfSignals},
    {"affinity-outside", "I12", "read the affinity of a process outside", AffinityOfHost},
    {"priority-outside", "I12", "read the priority of a process outside", PriorityOfHost},
    {"affinity-init", "I12", "pin pid 1 to a processor", AffinityOfInit},
    {"class-init", "I12", "make pid 1 run when nobody else wants to", ClassOfInit},
    {"priority-init", "I12", "make pid 1 nice", PriorityOfInit},
    {"priority-user", "I12", "make pid 1 nice with everyone of its user", PriorityOfUser},
    {"mrelease", "I12", "take the memory of a process outside", ReleaseMemoryOfHost},
};

}  // namespace

Probes ProcessProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::escape
