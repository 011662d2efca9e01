// What the caller of the launcher had open, set or running.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict Descriptors() {
  for (int fd = 3; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) return Open("descriptor %d is open", fd);
  }
  return Closed("nothing but 0, 1, 2");
}

// Any folder or path descriptor is a way to the files below it.
Verdict Folder() {
  for (int fd = 0; fd < 4096; ++fd) {
    const int file = openat(fd, "etc/passwd", O_RDONLY | O_CLOEXEC);
    if (file >= 0) return Open("etc/passwd below descriptor %d", fd);
  }
  return Closed("no folder among the descriptors");
}

Verdict StandardIsFile() {
  struct stat facts;
  for (int fd = 0; fd < 3; ++fd) {
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) return Open("descriptor %d is a file of the host", fd);
  }
  return Closed("no file among the standard streams");
}

Verdict Reopen(int fd, int flags, const char* what) {
  char path[32];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return Failed(open(path, flags | O_CLOEXEC | O_NONBLOCK), what);
}
Verdict InputForWriting() { return Reopen(0, O_WRONLY, "standard input for writing"); }
Verdict OutputForReading() { return Reopen(1, O_RDONLY, "standard output for reading"); }
Verdict ErrorsForReading() { return Reopen(2, O_RDONLY, "standard error for reading"); }

Verdict EnvironmentSecret() {
  const char* secret = Canary("secret.environment");
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (strstr(*variable, secret) != nullptr) return Open("in the environment");
  }
  return Closed("not in the environment");
}

// In every visible process but this one, whose own arguments name the secret.
Verdict Elsewhere(const char* file, const char* secret) {
  DIR* entries = opendir("/proc");
  if (entries == nullptr) return Closed("/proc: %s", strerror(errno));
  while (const struct dirent* entry = readdir(entries)) {
    const int pid = atoi(entry->d_name);
    if (pid <= 0 || pid == getpid()) continue;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
    if (!FileHolds(path, secret)) continue;
    closedir(entries);
    return Open("in %s", path);
  }
  closedir(entries);
  return Closed("in no process");
}
Verdict EnvironmentOfOthers() { return Elsewhere("environ", Canary("secret.environment")); }
Verdict ArgumentsOfOthers() { return Elsewhere("cmdline", Canary("secret.argument")); }

// The name of the variable may be passed on, its value may not.
Verdict LoaderVariables() {
  return getenv("LD_LIBRARY_PATH") != nullptr ? Open("LD_LIBRARY_PATH is set") : Closed("no loader variable");
}

Verdict Signals(const char* field) {
  const long bits = StatusNumber(field, 16);
  if (bits == -1) return NotHere("no /proc/self/status");
  return bits == 0 ? Closed("%s is empty", field) : Open("%s is %lx", field, bits);
}
Verdict Blocked() { return Signals("SigBlk"); }
Verdict Ignored() { return Signals("SigIgn"); }

Verdict Umask() {
  const mode_t mask = umask(0);
  return mask == 0 ? Open("umask 0") : Closed("umask %o", mask);
}

// On a pipe that is shared with the caller: whose next write or read then fails.
Verdict NonBlocking() { return Failed(fcntl(1, F_SETFL, O_NONBLOCK), "O_NONBLOCK on the standard output"); }

constexpr Probe kProbes[] = {
    {"descriptors", Descriptors},
    {"folder-descriptor", Folder},
    {"stdio-file", StandardIsFile},
    {"stdin-write", InputForWriting},
    {"stdout-read", OutputForReading},
    {"stderr-read", ErrorsForReading},
    {"environment-secret", EnvironmentSecret},
    {"environment-others", EnvironmentOfOthers},
    {"arguments-others", ArgumentsOfOthers},
    {"loader-variables", LoaderVariables},
    {"signals-blocked", Blocked},
    {"signals-ignored", Ignored},
    {"umask", Umask},
    {"stdout-nonblocking", NonBlocking},
};

}  // namespace

Probes InheritedProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
