// /proc, /sys and control groups: what the kernel tells there, and what can be told to it.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict HostEnvironment() {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%ld/environ", CanaryNumber("pid"));
  return FileHolds(path, Canary("secret.environment")) ? Open("%s: holds the secret", path) : Closed("%s: not readable", path);
}
Verdict HostMemory() {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%ld/mem", CanaryNumber("pid"));
  return Failed(open(path, O_RDONLY | O_CLOEXEC), path);
}
Verdict HostRoot() {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%ld/root/", CanaryNumber("pid"));
  return Failed(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
}
Verdict HostDescriptors() {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%ld/fd", CanaryNumber("pid"));
  return HasEntries(path);
}
Verdict InitRoot() { return Failed(open(OfInit("root/"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/proc/1/root"); }
Verdict InitFolder() { return Failed(open(OfInit("cwd/"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "/proc/1/cwd"); }
Verdict InitDescriptors() { return HasEntries(OfInit("fd")); }
Verdict InitMaps() { return ReadSomething(OfInit("maps")); }

Verdict CorePattern() { return OpenForWriting("/proc/sys/kernel/core_pattern"); }
Verdict PoweroffCommand() { return OpenForWriting("/proc/sys/kernel/poweroff_cmd"); }
Verdict UserHelper() { return OpenForWriting("/proc/sys/kernel/usermodehelper/bset"); }
Verdict Randomize() { return OpenForWriting("/proc/sys/kernel/randomize_va_space"); }
Verdict BinfmtMisc() { return OpenForWriting("/proc/sys/fs/binfmt_misc/register"); }
Verdict Sysrq() { return OpenForWriting("/proc/sysrq-trigger"); }
Verdict VmSysctl() { return OpenForWriting("/proc/sys/vm/overcommit_memory"); }
Verdict NetSysctl() { return OpenForWriting("/proc/sys/net/ipv4/ip_forward"); }
Verdict LastPid() { return OpenForWriting("/proc/sys/kernel/ns_last_pid"); }
Verdict HostnameFile() { return OpenForWriting("/proc/sys/kernel/hostname"); }
Verdict UserLimits() { return OpenForWriting("/proc/sys/user/max_user_namespaces"); }
Verdict Pressure() { return OpenForWriting("/proc/pressure/memory"); }
Verdict IrqAffinity() { return OpenForWriting("/proc/irq/default_smp_affinity"); }
Verdict Mtrr() { return OpenForWriting("/proc/mtrr"); }

Verdict Kcore() { return ReadSomething("/proc/kcore"); }
// Opening it is where the kernel asks; reading would take the lines away from the host.
Verdict Kmsg() { return Failed(open("/proc/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK), "/proc/kmsg"); }
Verdict Kallsyms() { return ReadSomething("/proc/kallsyms"); }
Verdict Keys() { return ReadSomething("/proc/keys"); }
Verdict KeyUsers() { return ReadSomething("/proc/key-users"); }
Verdict TimerList() { return ReadSomething("/proc/timer_list"); }
Verdict Iomem() { return ReadSomething("/proc/iomem"); }
Verdict Interrupts() { return ReadSomething("/proc/interrupts"); }
Verdict Slabinfo() { return ReadSomething("/proc/slabinfo"); }
Verdict CommandLine() { return ReadSomething("/proc/cmdline"); }
Verdict KernelConfig() { return ReadSomething("/proc/config.gz"); }
Verdict MemoryInfo() { return ReadSomething("/proc/meminfo"); }
Verdict BootId() { return ReadSomething("/proc/sys/kernel/random/boot_id"); }
Verdict MachineId() { return ReadSomething("/etc/machine-id"); }
Verdict Routes() { return ReadSomething("/proc/net/route"); }
Verdict UnixSockets() { return ReadSomething("/proc/net/unix"); }

const volatile char kConstant[] = "what is constant stays constant";
Verdict PatchConstants() {
  const int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  if (fd < 0) return Closed("/proc/self/mem: %s", strerror(errno));
  return Failed(pwrite(fd, "W", 1, reinterpret_cast<long>(kConstant)), "a write into constants");
}

Verdict OomScore() {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Closed("oom_score_adj: %s", strerror(errno));
  return Failed(write(fd, "-500", 4), "a lower oom_score_adj");
}

// An unwritten open for writing: ETXTBSY says that only its being executed is in the way.
Verdict Executable(const char* path) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0 || errno == ETXTBSY) return Open("%s can be replaced once it is not running", path);
  return Closed("%s: %s", path, strerror(errno));
}
Verdict InitExecutable() { return Executable(OfInit("exe")); }
Verdict OwnExecutable() { return Executable("/proc/self/exe"); }

Verdict ForeignProcesses() {
  DIR* entries = opendir("/proc");
  if (entries == nullptr) return Closed("/proc: %s", strerror(errno));
  int count = 0;
  while (const struct dirent* entry = readdir(entries)) count += atoi(entry->d_name) > 0 ? 1 : 0;
  closedir(entries);
  return count > 2 ? Open("%d processes in /proc", count) : Closed("%d processes in /proc", count);
}

Verdict Sys() { return HasEntries("/sys"); }
Verdict SysWritable() { return OpenForWriting("/sys/kernel/mm/transparent_hugepage/enabled"); }
Verdict Debugfs() { return HasEntries("/sys/kernel"); }
Verdict Firmware() { return HasEntries("/sys/firmware"); }
Verdict BlockDevices() { return HasEntries("/sys/block"); }

// The runner names a hierarchy that is there.
Verdict MakeCgroup() {
  char path[256];
  snprintf(path, sizeof(path), "%s/escape-%d", Canary("cgroup"), getpid());
  const int result = mkdir(path, 0700);
  Verdict verdict = Failed(result, "mkdir in a control group");
  if (result == 0) rmdir(path);
  return verdict;
}
Verdict CgroupProcs() {
  char path[256];
  snprintf(path, sizeof(path), "%s/cgroup.procs", Canary("cgroup"));
  return OpenForWriting(path);
}
Verdict ReleaseAgent() {
  char path[256];
  snprintf(path, sizeof(path), "%s/release_agent", Canary("cgroup"));
  return OpenForWriting(path);
}
Verdict CgroupPath() {
  FILE* groups = fopen("/proc/self/cgroup", "re");
  if (groups == nullptr) return Closed("/proc/self/cgroup: %s", strerror(errno));
  char line[512];
  while (fgets(line, sizeof(line), groups) != nullptr) {
    const char* path = strrchr(line, ':');
    if (path == nullptr || strcmp(path, ":/\n") == 0) continue;
    fclose(groups);
    line[strcspn(line, "\n")] = '\0';
    return Open("%.200s", line);
  }
  fclose(groups);
  return Closed("/ everywhere");
}

Verdict HostName() {
  struct utsname facts;
  uname(&facts);
  return strcmp(facts.nodename, Canary("hostname")) == 0 ? Open("%s", facts.nodename) : Closed("%s", facts.nodename);
}

Verdict Accounts() {
  FILE* accounts = fopen("/etc/passwd", "re");
  if (accounts == nullptr) return Closed("/etc/passwd: %s", strerror(errno));
  int lines = 0;
  for (int c = fgetc(accounts); c != EOF; c = fgetc(accounts)) lines += c == '\n' ? 1 : 0;
  fclose(accounts);
  return lines > 3 ? Open("%d accounts", lines) : Closed("%d accounts", lines);
}

// Which frame of the machine's memory a page of ours lies in.
Verdict PageFrames() {
  const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Closed("/proc/self/pagemap: %s", strerror(errno));
  unsigned long long entry = 0;
  const auto page = reinterpret_cast<unsigned long>(&entry) / 4096;
  const bool read_it = pread(fd, &entry, sizeof(entry), static_cast<off_t>(page * sizeof(entry))) == sizeof(entry);
  close(fd);
  const unsigned long long frame = entry & ((1ULL << 55) - 1);
  return read_it && frame != 0 ? Open("frame %llx", frame) : Closed("no frame is told");
}

// Speculation past a store, where a process may choose: the processor may need it off.
Verdict StoreBypass() {
  constexpr int kGet = 52, kControllable = 1, kEnabled = 2;
  if (Outside()) {
    const int state = prctl(kGet, 0, 0, 0, 0);
    if (state < 0 || (state & kControllable) == 0 || (state & kEnabled) == 0) return NotHere("nothing to choose on this processor");
    return Open("speculative store bypass is on");
  }
  return FileHolds("/proc/self/status", "Speculation_Store_Bypass:\tthread vulnerable") ? Open("speculative store bypass is on")
                                                                                      : Closed("speculative store bypass is off");
}

constexpr Probe kProbes[] = {
    {"init-root", InitRoot},
    {"init-folder", InitFolder},
    {"init-descriptors", InitDescriptors},
    {"init-maps", InitMaps},
    {"host-environment", HostEnvironment},
    {"host-memory", HostMemory},
    {"host-root", HostRoot},
    {"host-descriptors", HostDescriptors},
    {"core-pattern", CorePattern},
    {"poweroff-command", PoweroffCommand},
    {"usermodehelper", UserHelper},
    {"randomize", Randomize},
    {"binfmt-misc", BinfmtMisc},
    {"sysrq", Sysrq},
    {"kcore", Kcore},
    {"proc-kmsg", Kmsg},
    {"kallsyms", Kallsyms},
    {"vm-sysctl", VmSysctl},
    {"net-sysctl", NetSysctl},
    {"last-pid", LastPid},
    {"hostname-file", HostnameFile},
    {"user-limits", UserLimits},
    {"patch-constants", PatchConstants},
    {"oom-score", OomScore},
    {"keys", Keys},
    {"key-users", KeyUsers},
    {"timer-list", TimerList},
    {"iomem", Iomem},
    {"interrupts", Interrupts},
    {"slabinfo", Slabinfo},
    {"kernel-command-line", CommandLine},
    {"kernel-config", KernelConfig},
    {"foreign-processes", ForeignProcesses},
    {"init-executable", InitExecutable},
    {"own-executable", OwnExecutable},
    {"pressure-trigger", Pressure},
    {"irq-affinity", IrqAffinity},
    {"mtrr", Mtrr},
    {"meminfo", MemoryInfo},
    {"sys", Sys},
    {"sys-write", SysWritable},
    {"sys-kernel", Debugfs},
    {"firmware", Firmware},
    {"block-devices", BlockDevices},
    {"cgroup-mkdir", MakeCgroup},
    {"cgroup-procs", CgroupProcs},
    {"release-agent", ReleaseAgent},
    {"cgroup-path", CgroupPath},
    {"host-name", HostName},
    {"machine-id", MachineId},
    {"boot-id", BootId},
    {"accounts", Accounts},
    {"routes", Routes},
    {"unix-sockets", UnixSockets},
    {"page-frames", PageFrames},
    {"store-bypass", StoreBypass},
};

}  // namespace

Probes ProcProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
