// Exhausting what all jobs share. Each gives up well before the host would notice.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

constexpr int kManyProcesses = 600;

Verdict Counted(int count, int most, const char* what) {
  return count >= most ? Open("%d %s and no limit", count, what) : Closed("%d %s, then %s", count, what, strerror(errno));
}

Verdict Processes() {
  static pid_t children[kManyProcesses];
  int count = 0;
  for (; count < kManyProcesses; ++count) {
    children[count] = fork();
    if (children[count] < 0) break;
    if (children[count] == 0) {
      for (;;) pause();
    }
  }
  const int error = errno;
  for (int i = 0; i < count; ++i) kill(children[i], SIGKILL);
  for (int i = 0; i < count; ++i) waitpid(children[i], nullptr, 0);
  errno = error;
  return Counted(count, kManyProcesses, "processes");
}

int Sleep(void*) {
  for (;;) syscall(SYS_pause);
}
Verdict Threads() {
  constexpr size_t kStack = 4096;
  char* stacks = static_cast<char*>(mmap(nullptr, kStack * kManyProcesses, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (stacks == MAP_FAILED) return NotHere("no memory");
  int count = 0;
  for (; count < kManyProcesses; ++count) {
    constexpr int kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    if (clone(Sleep, stacks + kStack * (static_cast<size_t>(count) + 1), kThread, nullptr) < 0) break;
  }
  return Counted(count, kManyProcesses, "threads");
}

// The control sets aside what the run was started with, as far as it may: the attack is about
// what a jail adds to that.
void LiftDescriptorLimit() {
  struct rlimit limit = {1 << 16, 1 << 16};
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Verdict Descriptors() {
  if (Outside()) LiftDescriptorLimit();
  int count = 0;
  while (count < 8000 && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) ++count;
  return Counted(count, 8000, "descriptors");
}

Verdict RaiseLimit(int which, const char* what) {
  struct rlimit limit;
  getrlimit(static_cast<__rlimit_resource>(which), &limit);
  if (limit.rlim_max == RLIM_INFINITY && !Outside()) return Open("%s has no limit", what);
  if (limit.rlim_max != RLIM_INFINITY) ++limit.rlim_max;
  return Failed(setrlimit(static_cast<__rlimit_resource>(which), &limit), what);
}
Verdict RaiseDescriptors() { return RaiseLimit(RLIMIT_NOFILE, "RLIMIT_NOFILE"); }
Verdict RaiseProcesses() { return RaiseLimit(RLIMIT_NPROC, "RLIMIT_NPROC"); }
Verdict RaiseLocked() { return RaiseLimit(RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"); }

Verdict LockMemory() {
  constexpr size_t kSize = 64 << 20;
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  // The kernel is asked itself: a sanitizer's runtime answers mlock with 0, and does nothing.
  return Failed(syscall(SYS_mlock, memory, kSize), "mlock of 64 MiB");
}

Verdict Timers() {
  constexpr int kMany = 20000;
  struct sigevent event = {};
  event.sigev_notify = SIGEV_NONE;
  int count = 0;
  timer_t timer;
  while (count < kMany && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) ++count;
  return Counted(count, kMany, "timers");
}

Verdict Unbounded(const char* folder) {
  struct statfs facts;
  if (statfs(folder, &facts) != 0) return Closed("%s: %s", folder, strerror(errno));
  if (access(folder, W_OK) != 0) return Closed("%s: not writable", folder);
  const unsigned long long bytes = static_cast<unsigned long long>(facts.f_blocks) * static_cast<unsigned long long>(facts.f_bsize);
  if (facts.f_blocks == 0 || bytes > 1ULL << 30) return Open("%s holds %llu MiB", folder, bytes >> 20);
  if (facts.f_files == 0 || facts.f_files > 1 << 20) return Open("%s holds %llu files", folder, static_cast<unsigned long long>(facts.f_files));
  return Closed("%s holds %llu MiB", folder, bytes >> 20);
}
Verdict ScratchSize() { return Unbounded("/tmp"); }
Verdict SharedMemorySize() { return Unbounded("/dev/shm"); }

// Where files cost nothing but their inodes.
Verdict ScratchFiles() {
  constexpr int kMany = 100000;
  const char* folder = access("/tmp", W_OK) == 0 ? "/tmp" : Canary("out");
  struct statfs facts;
  if (statfs(folder, &facts) != 0) return Closed("%s: %s", folder, strerror(errno));
  if (access(folder, W_OK) != 0) return Closed("%s: not writable", folder);
  const auto files = static_cast<unsigned long long>(facts.f_ffree);
  return files == 0 || files > kMany ? Open("%s takes %llu files", folder, files) : Closed("%s takes %llu files", folder, files);
}

// Filled for real, where the runner set a small limit of memory: the end of the probe is its proof.
Verdict FillMemory() {
  if (CanaryNumber("memory.limit") == 0 && !Outside()) return NotHere("no small limit of memory was set");
  constexpr size_t kSize = 192 << 20;
  char* memory = static_cast<char*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) return Closed("mmap: %s", strerror(errno));
  memset(memory, 1, kSize);
  return Open("192 MiB of memory");
}
Verdict FillMemfd() {
  if (CanaryNumber("memory.limit") == 0 && !Outside()) return NotHere("no small limit of memory was set");
  const int fd = memfd_create("fill", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, 192 << 20) != 0) return Closed("memfd: %s", strerror(errno));
  char* memory = static_cast<char*>(mmap(nullptr, 192 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  if (memory == MAP_FAILED) return Closed("mmap: %s", strerror(errno));
  memset(memory, 1, 192 << 20);
  return Open("192 MiB in a memfd");
}

Verdict SystemVMemory() {
  if (CanaryNumber("memory.limit") == 0 && !Outside()) return NotHere("no small limit of memory was set");
  const int id = shmget(IPC_PRIVATE, 192 << 20, IPC_CREAT | 0600);
  if (id < 0) return Closed("shmget: %s", strerror(errno));
  char* memory = static_cast<char*>(shmat(id, nullptr, 0));
  shmctl(id, IPC_RMID, nullptr);
  if (memory == reinterpret_cast<char*>(-1)) return Closed("shmat: %s", strerror(errno));
  memset(memory, 1, 192 << 20);
  return Open("192 MiB of System V memory");
}

// Messages that nobody reads. Not every kernel charges them to the group of who wrote them.
Verdict FillSocketBuffers() {
  if (CanaryNumber("memory.limit") == 0 && !Outside()) return NotHere("no small limit of memory was set");
  if (Outside()) LiftDescriptorLimit();
  static char block[65536];
  size_t total = 0;
  int pair[2];
  while (total < 96 << 20 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0) {
    for (ssize_t count = 0; (count = write(pair[0], block, sizeof(block))) > 0;) total += static_cast<size_t>(count);
  }
  return total >= 96 << 20 ? Open("%zu MiB in socket buffers", total >> 20) : Closed("%zu MiB, then %s", total >> 20, strerror(errno));
}

constexpr Probe kProbes[] = {
    {"processes", Processes},
    {"threads", Threads},
    {"fill-memory", FillMemory},
    {"fill-memfd", FillMemfd},
    {"shared-memory-size", SharedMemorySize},
    {"scratch-size", ScratchSize},
    {"open-descriptors", Descriptors},
    {"lock-memory", LockMemory},
    {"raise-descriptors", RaiseDescriptors},
    {"raise-processes", RaiseProcesses},
    {"raise-locked", RaiseLocked},
    {"fill-system-v", SystemVMemory},
    {"timers", Timers},
    {"scratch-files", ScratchFiles},
    {"fill-socket-buffers", FillSocketBuffers},
};

}  // namespace

Probes LimitProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
