// escape_probe NAME [KEY=VALUE]...: runs one attack. --list names them all.
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "escape/probe.h"

namespace moat::escape {
namespace {

char** arguments;
bool outside;
char content[1 << 20];

Verdict Make(Fate fate, const char* format, va_list values) {
  Verdict verdict;
  verdict.fate = fate;
  vsnprintf(verdict.text, sizeof(verdict.text), format, values);
  return verdict;
}

bool TurnedAway(int error) { return error == EPERM || error == EACCES || error == ENOSYS; }

constexpr Probes (*kFamilies[])() = {NamespaceProbes, MountProbes,   IdentityProbes, ProcProbes,      DeviceProbes, FilterProbes,
                                     KernelProbes,    ProcessProbes, NetworkProbes,  InheritedProbes, LimitProbes};

const Probe* Find(const char* name) {
  for (const auto& family : kFamilies) {
    const Probes probes = family();
    for (size_t i = 0; i < probes.count; ++i) {
      if (strcmp(probes.begin[i].name, name) == 0) return &probes.begin[i];
    }
  }
  return nullptr;
}

void List() {
  for (const auto& family : kFamilies) {
    const Probes probes = family();
    for (size_t i = 0; i < probes.count; ++i) {
      printf("%s\t%s\t%s\n", probes.begin[i].name, probes.begin[i].catalogue, probes.begin[i].attempt);
    }
  }
}

// What a control does to mounts stays with it.
bool LeaveTheHostsMounts() {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

size_t ReadFile(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return 0;
  size_t size = 0;
  while (size < sizeof(content) - 1) {
    const ssize_t count = read(fd, content + size, sizeof(content) - 1 - size);
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  close(fd);
  content[size] = '\0';
  return size;
}

int Main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--list") == 0) {
    List();
    return 0;
  }
  if (argc > 1 && strcmp(argv[1], "--outside") == 0) {
    outside = true;
    ++argv;
    --argc;
    if (geteuid() == 0 && !LeaveTheHostsMounts()) return 65;
  }
  const Probe* probe = argc > 1 ? Find(argv[1]) : nullptr;
  if (probe == nullptr) return 64;
  arguments = argv + 2;
  const Verdict verdict = probe->attack();
  const char* words[] = {"CLOSED", "OPEN", "NOT-HERE"};
  char line[300];
  const int length = snprintf(line, sizeof(line), "%s %s\n", words[static_cast<int>(verdict.fate)], verdict.text);
  return write(1, line, static_cast<size_t>(length)) == length ? 0 : 66;
}

}  // namespace

#define MOAT_VERDICT(Name, fate)              \
  Verdict Name(const char* format, ...) {     \
    va_list values;                           \
    va_start(values, format);                 \
    Verdict verdict = Make(fate, format, values); \
    va_end(values);                           \
    return verdict;                           \
  }
MOAT_VERDICT(Open, Fate::kOpen)
MOAT_VERDICT(Closed, Fate::kClosed)
MOAT_VERDICT(NotHere, Fate::kNotHere)

Verdict Turned(long result, const char* what) {
  const int error = errno;
  if (result >= 0) return Open("%s: worked (%ld)", what, result);
  if (TurnedAway(error)) return Closed("%s: %s", what, strerror(error));
  return Open("%s: reached the kernel's own code: %s", what, strerror(error));
}

Verdict Failed(long result, const char* what) {
  const int error = errno;
  if (result >= 0) return Open("%s: worked (%ld)", what, result);
  return Closed("%s: %s", what, strerror(error));
}

const char* Canary(const char* key) {
  const size_t length = strlen(key);
  for (char** word = arguments; *word != nullptr; ++word) {
    if (strncmp(*word, key, length) == 0 && (*word)[length] == '=') return *word + length + 1;
  }
  return "";
}

long CanaryNumber(const char* key) { return strtol(Canary(key), nullptr, 10); }

bool Outside() { return outside; }

const char* OfInit(const char* name) {
  static char path[64];
  snprintf(path, sizeof(path), "/proc/%ld/%s", outside ? CanaryNumber("pid") : 1, name);
  return path;
}

Verdict OpenForWriting(const char* path) { return Failed(open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path); }

Verdict ReadSomething(const char* path) {
  errno = 0;
  const size_t size = ReadFile(path);
  if (size > 0) return Open("%s: read %zu bytes", path, size);
  return Closed("%s: %s", path, errno == 0 ? "empty" : strerror(errno));
}

Verdict HasEntries(const char* folder) {
  DIR* entries = opendir(folder);
  if (entries == nullptr) return Closed("%s: %s", folder, strerror(errno));
  while (const struct dirent* entry = readdir(entries)) {
    if (entry->d_name[0] == '.') continue;
    Verdict verdict = Open("%s: has %s", folder, entry->d_name);
    closedir(entries);
    return verdict;
  }
  closedir(entries);
  return Closed("%s: empty", folder);
}

bool FileHolds(const char* path, const char* text) {
  const size_t size = ReadFile(path);
  return memmem(content, size, text, strlen(text)) != nullptr;
}

long StatusNumber(const char* field, int base) {
  ReadFile("/proc/self/status");
  char head[64];
  snprintf(head, sizeof(head), "\n%s:", field);
  const char* line = strstr(content, head);
  return line == nullptr ? -1 : static_cast<long>(strtoull(line + strlen(head), nullptr, base));
}

}  // namespace moat::escape

int main(int argc, char** argv) { return moat::escape::Main(argc, argv); }
