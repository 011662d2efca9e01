// Results that fool whoever collects them: made in the job's own folder, judged where they arrive
// (src/attack/witness.cc).
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

constexpr off_t kTerabyte = 1LL << 40;

const char* In(const char* name) {
  static char path[256];
  snprintf(path, sizeof(path), "%s/%s", Canary("out"), name);
  return path;
}

bool NoFolder() { return Canary("out")[0] == '\0'; }
Verdict WithoutFolder() { return NotHere("there is no folder for results"); }

Verdict Make(long result, const char* what) {
  if (NoFolder()) return WithoutFolder();
  return Failed(result, what);
}

int NewFile(const char* name, mode_t mode) { return open(In(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode); }

Verdict Link() { return Make(symlink(Canary("secret.file"), In("link")), "a link to a secret of the host's"); }
Verdict FolderLink() { return Make(symlink("/", In("folder")), "a link to the host's root"); }
Verdict Fifo() { return Make(mkfifo(In("fifo"), 0666), "a fifo"); }
Verdict Device() { return Make(mknod(In("device"), S_IFCHR | 0666, makedev(1, 3)), "a device"); }

Verdict Socket() {
  if (NoFolder()) return WithoutFolder();
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", In("socket"));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return Closed("socket: %s", strerror(errno));
  return Failed(bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), "a socket");
}

Verdict SetId() {
  if (NoFolder()) return WithoutFolder();
  const int fd = NewFile("set-id", 0755);
  if (fd < 0) return Closed("open: %s", strerror(errno));
  return Failed(fchmod(fd, 06755), "a set-id program");
}

// A line break, an order to a terminal, no UTF-8, and what a shell takes for a flag.
Verdict Names() {
  if (NoFolder()) return WithoutFolder();
  constexpr const char* kNames[] = {"two\nlines", "\033[2J", "\xff\xfe", "-rf"};
  for (const char* name : kNames) {
    const int fd = NewFile(name, 0644);
    if (fd < 0) return Closed("open: %s", strerror(errno));
    close(fd);
  }
  return Open("four names");
}

Verdict Attribute() {
  if (NoFolder()) return WithoutFolder();
  const int fd = NewFile("attribute", 0644);
  if (fd < 0) return Closed("open: %s", strerror(errno));
  if (fsetxattr(fd, "user.moat", "x", 1, 0) != 0 && errno == EOPNOTSUPP) return NotHere("the file system knows no attributes");
  return Failed(fgetxattr(fd, "user.moat", nullptr, 0), "an attribute");
}

Verdict Future() {
  if (NoFolder()) return WithoutFolder();
  const int fd = NewFile("future", 0644);
  const struct timespec times[] = {{1LL << 33, 0}, {1LL << 33, 0}};
  return Failed(fd < 0 ? -1 : futimens(fd, times), "a file of the year 2242");
}

Verdict TwoNames() {
  if (NoFolder()) return WithoutFolder();
  const int fd = NewFile("name", 0644);
  char other[256];
  snprintf(other, sizeof(other), "%s", In("other-name"));
  return Failed(fd < 0 ? -1 : link(In("name"), other), "a file with two names");
}

Verdict Sparse() {
  if (NoFolder()) return WithoutFolder();
  signal(SIGXFSZ, SIG_IGN);
  const int fd = NewFile("sparse", 0644);
  return Failed(fd < 0 ? -1 : ftruncate(fd, kTerabyte), "a file of a terabyte");
}

Verdict Locked() {
  if (NoFolder()) return WithoutFolder();
  if (mkdir(In("locked"), 0755) != 0 || close(NewFile("locked/file", 0000)) != 0) return Closed("mkdir: %s", strerror(errno));
  return Failed(chmod(In("locked"), 0000), "a folder that nobody may enter");
}

// Whoever collects by path collects something else.
Verdict Replaced() {
  if (NoFolder()) return WithoutFolder();
  char moved[300], folder[256];
  snprintf(folder, sizeof(folder), "%s", Canary("out"));
  snprintf(moved, sizeof(moved), "%s.moved", folder);
  if (rename(folder, moved) != 0) return Closed("rename: %s", strerror(errno));
  const int linked = symlink("/", folder);
  Verdict verdict = Failed(linked, "the folder is a link");
  unlink(folder);
  rename(moved, folder);
  return verdict;
}

constexpr Probe kProbes[] = {
    {"result-link", Link},         {"result-folder-link", FolderLink}, {"result-fifo", Fifo},           {"result-socket", Socket},
    {"result-device", Device},     {"result-set-id", SetId},           {"result-names", Names},         {"result-attribute", Attribute},
    {"result-future", Future},     {"result-two-names", TwoNames},     {"result-sparse", Sparse},       {"result-locked", Locked},
    {"results-replaced", Replaced},
};

}  // namespace

Probes ResultProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
