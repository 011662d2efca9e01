// The launcher's side of a spawner: the process that has installed a plan's filter, and from which the pid 1 of
// each of its jails inherits it (ADR 12).
#pragma once

#include <array>
#include <cstddef>

#include "child/spawner.h"
#include "moat/result.h"
#include "run/check_plan.h"
#include "run/live_plan.h"
#include "sys/fd.h"
#include "uapi/kernel.h"

namespace moat::run {

struct OwnArguments;

// Owns the process, which is this one's child and shares its table of descriptors; dropping it ends that. Its jails
// are children of this process, and do not end with it. Not thread-safe. All signals must be blocked.
class Spawner {
 public:
  // Precondition: the plan is kInheritable, and this process has seen no job: what is in its memory is in that of
  // every pid 1. ETIMEDOUT: the kernel has not answered for so long, which a kernel out of room for filters may never do.
  static Result<Spawner> Start(const CheckedPlan& plan, const OwnArguments& own, std::uint64_t patience_ns = kPatienceNs);
  static constexpr std::uint64_t kPatienceNs = 10'000'000'000;
  Spawner(Spawner&& other) noexcept;
  Spawner& operator=(Spawner&&) = delete;
  ~Spawner();

  Berths& berths() { return berths_; }
  bool HasEnded() const;
  // A pid 1 for a plan in one of the berths; `args` without what it is told by. A negative errno; ESRCH: it is gone.
  long Bear(LivePlan& plan, const uapi::CloneArgs& args, sys::Pidfd& pidfd);

  // As many plans at a time as a helper can have: jails ahead, one with a job, and some that are over.
  static constexpr unsigned kBerths = 12;

 private:
  // One for each berth: jails have it in turn (ADR 12).
  struct Network {
    sys::Fd space, sockets;
  };
  explicit Spawner(Berths berths) : berths_(std::move(berths)) {}
  // An empty network namespace that nobody is in; -1: it cannot be had, and the jail makes its own.
  int NetworkFor(LivePlan& plan);

  Berths berths_;
  child::Orders* orders_ = nullptr;
  sys::Pidfd self_, pidfd_;
  sys::Fd listener_;
  std::array<Network, kBerths> networks_;
  int pid_ = 0;
};

}  // namespace moat::run
