// What this kernel lets us do, found by doing it, in two short-lived processes that play the
// launcher and pid 1 of a job: the same calls in the same order as a start (see
// docs/architecture.md), so that a layer that "works" here works there. What they find comes
// back through a page of shared memory, which survives whatever becomes of them.
//
// The caller's signals, descriptors, working folder and children are left alone: the processes
// send no SIGCHLD, and no wait(2) for any child sees them. Threads: any, at the same time too.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "moat/result.h"

namespace moat::probe {

enum class Step : std::uint8_t {
  kUnshare,      // the launcher's own user and mount namespace (root: mount namespace)
  kOwnMaps,      // its id maps
  kPrivate,      // mounts no longer shared with the host
  kTmpfs,        // a detached tmpfs
  kOpenTree,     // a detached copy of everything
  kSetAttr,      // ... made read-only, recursively
  kAttach,       // a detached mount put into place
  kOverlay,
  kUser, kMount, kPid, kNet, kIpc, kUts, kCgroup,  // the namespaces of the job
  kTogether,     // all of them in one clone3
  kJobMaps,      // the job's id maps, written by the launcher
  kIdmap,
  kIds,          // pid 1 takes its own ids
  kJobAttach,    // pid 1 puts a mount of the launcher's into place
  kProcfs, kProcfsSubset, kLoopback, kProcessCount, kFilter,
  kListener,     // a filter that asks somebody: there is room for one in a chain of filters
};
inline constexpr std::size_t kSteps = static_cast<std::size_t>(Step::kListener) + 1;

struct Outcome {
  static constexpr std::int32_t kNotTried = -1;
  std::int32_t error = kNotTried;  // errno, 0: it worked
  const char* call = "";           // the call that gave it; a literal

  bool tried() const { return error != kNotTried; }
  bool worked() const { return error == 0; }
};

// Lives in shared memory while the trials run: no pointers but to literals.
struct Trials {
  std::array<Outcome, kSteps> outcomes;
  std::uint32_t gate = 0;     // futex: pid 1 waits until its maps are written
  std::int32_t clone3 = 0;    // errno of clone3(2): with clone(2) instead the trials go on
  std::int32_t timed_out = 0;

  Outcome& operator[](Step step) { return outcomes[static_cast<std::size_t>(step)]; }
  const Outcome& operator[](Step step) const { return outcomes[static_cast<std::size_t>(step)]; }
};

enum class Privilege : std::uint8_t { kNone, kRoot };  // root: no user namespace of the launcher's own

struct TrialSetup {
  Privilege privilege = Privilege::kNone;
  std::uint32_t uid = 0, gid = 0;   // the caller's
  std::uint32_t job_uid = 0;        // root: what the job's only id is outside
  std::chrono::milliseconds timeout{20000};
};

Result<Trials> RunTrials(const TrialSetup& setup);

}  // namespace moat::probe
