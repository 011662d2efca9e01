// One attack each: a small function that tries it and says what came of it. The same function
// runs outside, where it must succeed: an attack that works nowhere proves nothing.
//
// The program is linked statically, and only with the C library: it has to start where little is
// visible. A sealed process cannot start anything, and runs the same functions in itself.
#pragma once

#include <cerrno>
#include <cstddef>

namespace moat::attack::inside {

enum class Fate { kClosed, kOpen, kNotHere };

struct Verdict {
  Fate fate = Fate::kNotHere;
  char text[240] = {};
};

Verdict Open(const char* format, ...) __attribute__((format(printf, 1, 2)));
Verdict Closed(const char* format, ...) __attribute__((format(printf, 1, 2)));
// Nothing to attack: the host lacks it, or the attack's first half is not possible.
Verdict NotHere(const char* format, ...) __attribute__((format(printf, 1, 2)));

// For a call that must be turned away at the door. Arguments are invalid where the real thing
// would do harm, so an error that speaks of the arguments means that it got past the door.
Verdict Turned(long result, const char* what);
// For a call with arguments in order: any error is a refusal.
Verdict Failed(long result, const char* what);

// What the runner planted on the host: "key=value" arguments.
const char* Canary(const char* key);  // "" when it was not planted
long CanaryNumber(const char* key);
bool Outside();  // this is the control

// What it is called in spec/probes.toml, where everything else about it stands.
struct Probe {
  const char* name;  // "unshare-user"
  Verdict (*attack)();
};
struct Probes {
  const Probe* begin;
  std::size_t count;
};

Probes NamespaceProbes();
Probes MountProbes();
Probes IdentityProbes();
Probes ProcProbes();
Probes DeviceProbes();
Probes FilterProbes();
Probes KernelProbes();
Probes ProcessProbes();
Probes NetworkProbes();
Probes InheritedProbes();
Probes LimitProbes();
Probes LeftProbes();
Probes ResultProbes();

const Probe* FindProbe(const char* name);  // nullptr: there is none
void ForEachProbe(void (*act)(const Probe&));

// Before the first attack: the canaries as "key=value", nullptr behind the last.
enum class Side { kInside, kOutside };
void Prepare(char** canaries, Side side);
// "CLOSED text", "OPEN text" or "NOT-HERE text" and a new line, by one write. False: it failed.
bool Tell(const Verdict& verdict);

// Helpers of several files.
Verdict OpenForWriting(const char* path);           // opened, never written
Verdict ReadSomething(const char* path);            // a byte of it
Verdict HasEntries(const char* folder);
bool FileHolds(const char* path, const char* text);  // within its first megabyte
// "/proc/1/NAME" inside; outside that of the planted process, which is nobody's init.
const char* OfInit(const char* name);
// pid 1, whom the job must not disturb. Outside, and where pid 1 is the host's own, this process stands
// for it: the same answer, and nobody comes to harm.
int InitOrSelf();
long StatusNumber(const char* field, int base);     // of /proc/self/status; -1 when it is not there

}  // namespace moat::attack::inside
