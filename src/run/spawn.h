// Starting a job: its pid 1 is born, makes its network namespace while the launcher prepares the
// rest, and goes on when the launcher opens the gate.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "run/job.h"
#include "run/live_plan.h"
#include "sys/fd.h"

namespace moat::run {

// A job's pid 1, from its birth on. Whoever drops it kills it and, with it, every process of the
// job, and waits for its end as long as that is worth it. It shares the descriptors of this process until it passes the gate.
class Child {
 public:
  Child() = default;
  Child(sys::Pidfd pidfd, int pid) : pidfd_(std::move(pidfd)), pid_(pid) {}
  Child(Child&& other) noexcept
      : pidfd_(std::move(other.pidfd_)), pid_(std::exchange(other.pid_, 0)), abandoned_(other.abandoned_), ours_(other.ours_) {}
  Child& operator=(Child&& other) noexcept;
  ~Child() { End(); }

  const sys::Pidfd& pidfd() const { return pidfd_; }
  int pid() const { return pid_; }
  // It has been waited for: there is nothing to end any more.
  void Reaped() { pid_ = 0; }
  // Killed, and kept from its end by a process that waits inside the kernel: nobody waits for it here.
  void Abandon() {
    pid_ = 0;
    abandoned_ = true;
  }
  bool abandoned() const { return abandoned_; }
  // Kills it and waits, some seconds at most.
  void End();
  // The same before its job, while what it opens may still appear in our table of descriptors: it ends
  // itself at its next gate, when all that it opened is noted in the plan.
  void CallOff(abi::Shared& shared);
  // A child is queued behind its parent where the scheduler packs processes: what the two do side
  // by side would be done in turn. It is sent to another processor, and later may run on all again
  // that this process may run on. sched_setaffinity(2).
  void SendAway();
  void RunAnywhere();

 private:
  bool AwaitEnd(long seconds) const;
  static constexpr std::size_t kProcessors = 1024;
  using Mask = std::array<unsigned long, kProcessors / (8 * sizeof(unsigned long))>;

  sys::Pidfd pidfd_;
  int pid_ = 0;
  bool abandoned_ = false;
  std::optional<Mask> ours_;  // while it is away
};

// Chooses the job's uid and fills the slots that do not depend on its files.
Status FillIdentity(LivePlan& plan);
// Puts argv and the environment into the plan's memory.
Status FillArguments(LivePlan& plan, const Job& job, const std::vector<std::string>& inputs);

class Spawner;

// Runs the kAhead ops, clones, writes the maps. All signals must be blocked; the identity must be
// filled in. A plan in a spawner's berths is borne by that one.
Result<Child> Bear(LivePlan& plan, Spawner* spawner);
// Runs the kPrepare and kGroups ops and opens the gates behind them. On failure the child is ended.
// The guest's ends of its streams are in the slots before. From then on the child goes on by itself, up to
// the program that only waits to be executed.
Status Prepare(LivePlan& plan, Child& child);
// Runs the kJob ops among the child's mounts (its namespace), opens the last gate, and waits until the child has its own
// copies of all descriptors. A failure of the child itself is not told here but when it ends.
// A program that was started ahead of its job stands still meanwhile.
Status Launch(LivePlan& plan, Child& child, const sys::Fd& mounts);
// Lets the program start ahead of its job, of which the arguments are filled in. Before the birth.
void StartAhead(LivePlan& plan);
// Such a program, before it gets its job: false when it has ended.
bool StandStill(LivePlan& plan, const Child& child);

// Notes a failed op where the child notes its own: the report is made from there.
Error OpError(LivePlan& plan, abi::Index failed_op, int error_number);
// The failure of an op in words, with its stage and policy line.
SetupFailure DescribeFailure(const LivePlan& plan, abi::Index op, int error_number);

}  // namespace moat::run
