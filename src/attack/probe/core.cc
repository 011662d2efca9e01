// What the probes of all families need.
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
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
                                     KernelProbes,    ProcessProbes, NetworkProbes,  InheritedProbes, LimitProbes,
                                     LeftProbes,      ResultProbes};

}  // namespace

const Probe* FindProbe(const char* name) {
  for (const auto& family : kFamilies) {
    const Probes probes = family();
    for (size_t i = 0; i < probes.count; ++i) {
      if (strcmp(probes.begin[i].name, name) == 0) return &probes.begin[i];
    }
  }
  return nullptr;
}

void ForEachProbe(void (*act)(const Probe&)) {
  for (const auto& family : kFamilies) {
    const Probes probes = family();
    for (size_t i = 0; i < probes.count; ++i) act(probes.begin[i]);
  }
}

void Prepare(char** canaries, Side side) {
  arguments = canaries;
  outside = side == Side::kOutside;
}

bool Tell(const Verdict& verdict) {
  const char* words[] = {"CLOSED", "OPEN", "NOT-HERE"};
  char line[300];
  const int length = snprintf(line, sizeof(line), "%s %s\n", words[static_cast<int>(verdict.fate)], verdict.text);
  return write(1, line, static_cast<size_t>(length)) == length;
}

namespace {

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

int InitOrSelf() {
  struct stat facts;
  const bool known = stat("/proc/self/ns/pid", &facts) == 0 && CanaryNumber("ns.pid") != 0;
  const bool hosts = known ? static_cast<long>(facts.st_ino) == CanaryNumber("ns.pid") : getuid() == 0;
  return outside || hosts ? getpid() : 1;
}

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

}  // namespace moat::attack::inside
