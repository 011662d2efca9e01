#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict OpenDevice(const char* path) { return Failed(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path); }

// The runner names a disk that is there.
Verdict Disk() { return OpenDevice(Canary("disk")); }
Verdict Memory() { return OpenDevice("/dev/mem"); }
Verdict Port() { return OpenDevice("/dev/port"); }
Verdict Kmsg() { return OpenDevice("/dev/kmsg"); }
Verdict Fuse() { return OpenDevice("/dev/fuse"); }
Verdict Tun() { return OpenDevice("/dev/net/tun"); }
Verdict Kvm() { return OpenDevice("/dev/kvm"); }
Verdict Vsock() { return OpenDevice("/dev/vsock"); }
Verdict Loop() { return OpenDevice("/dev/loop-control"); }
Verdict Userfault() { return OpenDevice("/dev/userfaultfd"); }
Verdict Console() { return OpenDevice("/dev/tty0"); }
Verdict Terminals() { return OpenDevice("/dev/ptmx"); }
Verdict ListTerminals() { return HasEntries("/dev/pts"); }

Verdict ExtraNodes() {
  static const char* const kFew[] = {"full", "null", "random", "urandom", "zero", "tty", "shm", "fd", "stdin", "stdout", "stderr", "pts", "ptmx", "mqueue", "console", "core"};
  DIR* entries = opendir("/dev");
  if (entries == nullptr) return Closed("/dev: %s", strerror(errno));
  while (const struct dirent* entry = readdir(entries)) {
    bool known = entry->d_name[0] == '.';
    for (const char* name : kFew) known = known || strcmp(entry->d_name, name) == 0;
    if (known) continue;
    Verdict verdict = Open("/dev/%s", entry->d_name);
    closedir(entries);
    return verdict;
  }
  closedir(entries);
  return Closed("the usual few");
}

Verdict MakeNode() {
  char path[64];
  snprintf(path, sizeof(path), "/tmp/node-%d", getpid());
  if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) != 0) return Closed("mknod: %s", strerror(errno));
  Verdict verdict = Failed(open(path, O_RDONLY | O_CLOEXEC), "a node that was made");
  unlink(path);
  return verdict;
}

// The same kinds through mknodat with bits that the kernel ignores.
Verdict MakeNodeHighBits() {
  char path[64];
  snprintf(path, sizeof(path), "/tmp/node-high-%d", getpid());
  const long result = syscall(SYS_mknodat, AT_FDCWD, path, (1UL << 33) | S_IFBLK | 0600, makedev(7, 0));
  Verdict verdict = Failed(result, "mknodat with high bits");
  unlink(path);
  return verdict;
}

// A terminal that controls us, as a control has none by itself.
bool GetTerminal() {
  setsid();
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) return false;
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  return slave >= 0 && ioctl(slave, TIOCSCTTY, 0) == 0;
}

Verdict ControllingTerminal() {
  if (Outside() && !GetTerminal()) return NotHere("no terminal");
  return Failed(open("/dev/tty", O_RDWR | O_CLOEXEC), "/dev/tty");
}

// Without a terminal the answer of a call that was let through is ENOTTY.
Verdict Typing(unsigned long request, const char* what) {
  for (int fd = 0; fd < 3; ++fd) {
    if (ioctl(fd, request, "x") == 0 || errno == ENOTTY || errno == EIO) return Open("%s reached descriptor %d: %s", what, fd, strerror(errno));
  }
  return Closed("%s: %s", what, strerror(errno));
}
Verdict Type() { return Typing(TIOCSTI, "TIOCSTI"); }
Verdict TypeHighBits() {
  const long result = syscall(SYS_ioctl, 0, (1UL << 32) | TIOCSTI, "x");
  if (result == 0 || errno == ENOTTY || errno == EIO) return Open("TIOCSTI with high bits reached the descriptor");
  return Closed("TIOCSTI with high bits: %s", strerror(errno));
}
Verdict Select() { return Typing(TIOCLINUX, "TIOCLINUX"); }
Verdict Discipline() { return Typing(TIOCSETD, "TIOCSETD"); }

constexpr Probe kProbes[] = {
    {"extra-devices", ExtraNodes},
    {"disk", Disk},
    {"mem", Memory},
    {"port", Port},
    {"dev-kmsg", Kmsg},
    {"fuse", Fuse},
    {"tun", Tun},
    {"kvm", Kvm},
    {"dev-vsock", Vsock},
    {"loop-control", Loop},
    {"dev-userfaultfd", Userfault},
    {"tty0", Console},
    {"mknod", MakeNode},
    {"mknod-high-bits", MakeNodeHighBits},
    {"controlling-terminal", ControllingTerminal},
    {"tiocsti", Type},
    {"tiocsti-high-bits", TypeHighBits},
    {"tioclinux", Select},
    {"tiocsetd", Discipline},
    {"ptmx", Terminals},
    {"other-terminals", ListTerminals},
};

}  // namespace

Probes DeviceProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
