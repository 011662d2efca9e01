// moat-probe NAME [KEY=VALUE]...: runs one attack on where it is. --list names them all.
//
//   --outside    it is a control: nothing is in the way, and what it changes is undone with it
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

// What a control does to mounts stays with it.
bool LeaveTheHostsMounts() {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

int Main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--list") == 0) {
    ForEachProbe([](const Probe& probe) { puts(probe.name); });
    return 0;
  }
  Side side = Side::kInside;
  if (argc > 1 && strcmp(argv[1], "--outside") == 0) {
    side = Side::kOutside;
    ++argv;
    --argc;
    if (geteuid() == 0 && !LeaveTheHostsMounts()) return 65;
  }
  const Probe* probe = argc > 1 ? FindProbe(argv[1]) : nullptr;
  if (probe == nullptr) return 64;
  Prepare(argv + 2, side);
  return Tell(probe->attack()) ? 0 : 66;
}

}  // namespace
}  // namespace moat::attack::inside

int main(int argc, char** argv) { return moat::attack::inside::Main(argc, argv); }
