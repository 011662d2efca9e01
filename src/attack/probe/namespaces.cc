#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

// The runner tells the inode of each namespace that it is in itself.
Verdict SameNamespace(const char* name) {
  char path[64], key[32];
  snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
  snprintf(key, sizeof(key), "ns.%s", name);
  // The control has left the host's mount namespace on purpose; its parent has not.
  if (Outside() && strcmp(name, "mnt") == 0) snprintf(path, sizeof(path), "/proc/%d/ns/%s", getppid(), name);
  struct stat facts;
  if (stat(path, &facts) != 0) return NotHere("%s: %s", path, strerror(errno));
  const unsigned long hosts = strtoul(Canary(key), nullptr, 10);
  if (hosts == 0) return NotHere("the runner's %s namespace is not known", name);
  return facts.st_ino == hosts ? Open("in the host's %s namespace", name) : Closed("a %s namespace of its own", name);
}

Verdict SharesUser() { return SameNamespace("user"); }
Verdict SharesMnt() { return SameNamespace("mnt"); }
Verdict SharesPid() { return SameNamespace("pid"); }
Verdict SharesNet() { return SameNamespace("net"); }
Verdict SharesIpc() { return SameNamespace("ipc"); }
Verdict SharesUts() { return SameNamespace("uts"); }
Verdict SharesCgroup() { return SameNamespace("cgroup"); }

Verdict Unshare(int flag, const char* what) { return Turned(unshare(flag), what); }
Verdict UnshareUser() { return Unshare(CLONE_NEWUSER, "unshare(CLONE_NEWUSER)"); }
Verdict UnshareMnt() { return Unshare(CLONE_NEWNS, "unshare(CLONE_NEWNS)"); }
Verdict UnshareNet() { return Unshare(CLONE_NEWNET, "unshare(CLONE_NEWNET)"); }
Verdict UnsharePid() { return Unshare(CLONE_NEWPID, "unshare(CLONE_NEWPID)"); }
Verdict UnshareIpc() { return Unshare(CLONE_NEWIPC, "unshare(CLONE_NEWIPC)"); }
Verdict UnshareCgroup() { return Unshare(0x02000000, "unshare(CLONE_NEWCGROUP)"); }
Verdict UnshareTime() { return Unshare(0x80, "unshare(CLONE_NEWTIME)"); }

// Ends the child at once, and says whether there was one.
long Reaped(long pid) {
  const int error = errno;
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, __WALL);
  errno = error;
  return pid;
}

Verdict CloneUser() {
  return Turned(Reaped(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)), "clone(CLONE_NEWUSER)");
}

// Bits above the low word: the kernel looks at 64 of them, a careless filter at 32.
Verdict CloneHighBits() {
  return Turned(Reaped(syscall(SYS_clone, (1UL << 40) | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)), "clone with high bits");
}

struct CloneArgs {
  unsigned long long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

Verdict Clone3User() {
  CloneArgs args = {};
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  return Turned(Reaped(syscall(SYS_clone3, &args, sizeof(args))), "clone3(CLONE_NEWUSER)");
}

// The first half of the attacks on root's side of the kernel.
bool EnterNested(int more, Verdict& verdict) {
  if (unshare(CLONE_NEWUSER | more) == 0) return true;
  verdict = Closed("no nested user namespace: %s", strerror(errno));
  return false;
}

Verdict NestedMount() {
  Verdict verdict;
  if (!EnterNested(CLONE_NEWNS, verdict)) return verdict;
  return Turned(mount("none", "/tmp", "tmpfs", 0, nullptr), "mount tmpfs in a nested namespace");
}

Verdict NestedNetAdmin() {
  Verdict verdict;
  if (!EnterNested(CLONE_NEWNET, verdict)) return verdict;
  struct ifreq request = {};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return Turned(ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &request), "lo up in a nested namespace");
}

Verdict NestedNetfilter() {
  Verdict verdict;
  if (!EnterNested(CLONE_NEWNET, verdict)) return verdict;
  return Turned(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), "a netfilter socket in a nested namespace");
}

Verdict NestedProc() {
  Verdict verdict;
  if (!EnterNested(CLONE_NEWNS | CLONE_NEWPID, verdict)) return verdict;
  const pid_t child = fork();
  if (child == 0) _exit(mount("proc", "/proc", "proc", 0, nullptr) == 0 ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? Open("a fresh /proc in a nested namespace") : Closed("no /proc in a nested namespace");
}

Verdict NestedOverlay() {
  Verdict verdict;
  if (!EnterNested(CLONE_NEWNS, verdict)) return verdict;
  return Turned(syscall(SYS_fsopen, "overlay", 0), "fsopen(overlay) in a nested namespace");
}

Verdict SetnsInit() {
  const int fd = open(OfInit("ns/mnt"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {  // the next best thing, so that the call itself is tried as well
    Verdict verdict = Turned(setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), 0), "setns(own uts)");
    return verdict;
  }
  return Turned(setns(fd, CLONE_NEWNS), "setns(/proc/1/ns/mnt)");
}

Verdict SetnsPidfd() {
  const long fd = syscall(SYS_pidfd_open, Outside() ? CanaryNumber("pid") : 1, 0);
  return Turned(syscall(SYS_setns, fd, CLONE_NEWNS | CLONE_NEWPID), "setns(pidfd of 1)");
}

constexpr Probe kProbes[] = {
    {"shares-user-namespace", SharesUser},
    {"shares-mount-namespace", SharesMnt},
    {"shares-pid-namespace", SharesPid},
    {"shares-network-namespace", SharesNet},
    {"shares-ipc-namespace", SharesIpc},
    {"shares-uts-namespace", SharesUts},
    {"shares-cgroup-namespace", SharesCgroup},
    {"unshare-user", UnshareUser},
    {"unshare-mount", UnshareMnt},
    {"unshare-network", UnshareNet},
    {"unshare-pid", UnsharePid},
    {"unshare-ipc", UnshareIpc},
    {"unshare-cgroup", UnshareCgroup},
    {"unshare-time", UnshareTime},
    {"clone-user", CloneUser},
    {"clone-high-bits", CloneHighBits},
    {"clone3-user", Clone3User},
    {"nested-mount", NestedMount},
    {"nested-net-admin", NestedNetAdmin},
    {"nested-netfilter", NestedNetfilter},
    {"nested-proc", NestedProc},
    {"nested-overlay", NestedOverlay},
    {"setns-init", SetnsInit},
    {"setns-pidfd", SetnsPidfd},
};

}  // namespace

Probes NamespaceProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
