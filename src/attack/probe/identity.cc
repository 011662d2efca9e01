#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict MayGainPrivilege() {
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? Closed("no_new_privs is set") : Open("no_new_privs is not set");
}

Verdict HasCapabilities(const char* set) {
  const long bits = StatusNumber(set, 16);
  if (bits == -1) return NotHere("no /proc/self/status");
  return bits == 0 ? Closed("%s is empty", set) : Open("%s is %lx", set, bits);
}
Verdict Effective() { return HasCapabilities("CapEff"); }
Verdict Permitted() { return HasCapabilities("CapPrm"); }
Verdict Bounding() { return HasCapabilities("CapBnd"); }
// Nobody has these by default: the control gives itself one.
Verdict Inheritable() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  if (Outside()) {
    syscall(SYS_capget, &header, data);
    data[0].inheritable = data[0].permitted;
    syscall(SYS_capset, &header, data);
  }
  return HasCapabilities("CapInh");
}

Verdict IsRoot() { return getuid() == 0 || geteuid() == 0 ? Open("uid 0") : Closed("uid %d", getuid()); }
Verdict IsRootGroup() { return getgid() == 0 || getegid() == 0 ? Open("gid 0") : Closed("gid %d", getgid()); }

Verdict KeepsGroups() {
  gid_t groups[64];
  const int count = getgroups(64, groups);
  for (int i = 0; i < count; ++i) {
    if (groups[i] != getgid()) return Open("still in group %d", groups[i]);
  }
  return Closed("in no other group");
}

Verdict BecomeRoot() { return Failed(setresuid(0, 0, 0), "setresuid(0)"); }
Verdict BecomeRootGroup() { return Failed(setresgid(0, 0, 0), "setresgid(0)"); }
Verdict SetGroups() {
  const gid_t group = 0;
  return Failed(setgroups(1, &group), "setgroups(0)");
}
Verdict FileSystemRoot() {
  setfsuid(0);
  return setfsuid(static_cast<uid_t>(-1)) == 0 ? Open("fsuid 0") : Closed("fsuid stays");
}

// A copy of this program that belongs to root and has the set-id bit; as `uid` it tells who it is.
Verdict SetIdGain() {
  if (Outside() && setresuid(65534, 65534, 65534) != 0) return NotHere("cannot become an ordinary user first");
  const char* copy = Canary("set-id.file");
  if (access(copy, X_OK) != 0) return NotHere("%s: %s", copy, strerror(errno));
  execl(copy, copy, "is-root", nullptr);
  return Closed("execve: %s", strerror(errno));
}

Verdict FileCapabilities() {
  char path[64];
  snprintf(path, sizeof(path), "/tmp/capable-%d", getpid());
  close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0700));
  const unsigned capability[5] = {0x02000001, 1U << 21, 0, 0, 0};  // version 2, CAP_SYS_ADMIN, effective
  Verdict verdict = Failed(setxattr(path, "security.capability", capability, sizeof(capability), 0), "setxattr(security.capability)");
  unlink(path);
  return verdict;
}

Verdict TrustedAttribute() {
  char path[64];
  snprintf(path, sizeof(path), "/tmp/trusted-%d", getpid());
  close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0700));
  Verdict verdict = Failed(setxattr(path, "trusted.moat", "x", 1, 0), "setxattr(trusted.)");
  unlink(path);
  return verdict;
}

Verdict Securebits() { return Turned(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0), "prctl(PR_SET_SECUREBITS)"); }

Verdict CoreDumps() {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return NotHere("getrlimit: %s", strerror(errno));
  if (Outside() && limit.rlim_max <= 1) return NotHere("the host forbids core files as well");
  return limit.rlim_max <= 1 ? Closed("no core files") : Open("core files up to %lu", static_cast<unsigned long>(limit.rlim_max));
}

Verdict WriteInitMemory() { return Failed(open(OfInit("mem"), O_RDWR | O_CLOEXEC), "/proc/1/mem"); }

constexpr Probe kProbes[] = {
    {"no-new-privs", MayGainPrivilege},
    {"capabilities-effective", Effective},
    {"capabilities-permitted", Permitted},
    {"capabilities-bounding", Bounding},
    {"capabilities-inheritable", Inheritable},
    {"is-root", IsRoot},
    {"is-root-group", IsRootGroup},
    {"keeps-groups", KeepsGroups},
    {"setresuid", BecomeRoot},
    {"setresgid", BecomeRootGroup},
    {"setgroups", SetGroups},
    {"setfsuid", FileSystemRoot},
    {"set-id-gain", SetIdGain},
    {"file-capabilities", FileCapabilities},
    {"trusted-attribute", TrustedAttribute},
    {"securebits", Securebits},
    {"init-memory", WriteInitMemory},
    {"core-limit", CoreDumps},
};

}  // namespace

Probes IdentityProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
