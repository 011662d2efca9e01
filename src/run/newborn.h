// A job before it runs: its plan in memory, and its pid 1 at the gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moat/result.h"
#include "run/counters.h"
#include "run/job.h"
#include "run/kept_plan.h"
#include "run/live_plan.h"
#include "run/spawn.h"
#include "run/spawner.h"
#include "run/streams.h"
#include "sys/fd.h"

namespace moat::run {

// The argv and environment of this process, which pid 1 wipes in its copy.
struct OwnArguments {
  char* bytes = nullptr;
  std::size_t size = 0;
};

// When is a job over for its launcher: once pid 1 is gone too, or as soon as that one says that nobody
// else is left? The latter is for a launcher that goes on, and sees to the rest later. It is never asked
// of a job with an output folder: results are collected when the kernel, and not a process that shares
// the jail with the job, says that everybody is gone.
enum class Over : std::uint8_t { kReaped, kTold };

class Newborn {
 public:
  // All signals must be blocked. On failure nothing is left, and `failed` holds
  // the failed op when it was one.
  static Result<Newborn> Bear(LivePlan plan, OwnArguments own, Over over, SetupFailure& failed, Spawner* spawner = nullptr);
  // Its program has been started, or would have been but for the kernel: it has its arguments.
  bool is_warm() { return plan_.shared().warm != 0; }

  LivePlan& plan() { return plan_; }
  Child& child() { return child_; }
  const Child& child() const { return child_; }
  const sys::Fd& notice() const { return notice_; }  // readable: it was told; not valid with kReaped
  Pipes& pipes() { return pipes_; }  // once it is prepared
  // What does not depend on the one job: mounts and what is in them, streams. Ahead of time, or by Launch.
  Status Prepare();
  Status Launch();
  // Once the child has its own copies of all descriptors: closes what the launcher needs no more.
  // Mounts must not outlive the job in our hands.
  void CloseUnneeded() { CloseUpTo(Use::kStarting); }
  // What will be read at the job's end. Costs time, and no more when it was done before.
  void OpenCounters() { counters_.Open(plan_, child_.pid()); }
  const Counters& counters() const { return counters_; }
  // While nobody waits for it: what costs its job no time then. Often, for its child may not have come far enough yet.
  void Tidy();
  // The end of a mount namespace makes who causes it wait for a grace period of the kernel. For a
  // process that ends with its job: once it has, the kernel does it by itself.
  void LeaveMountsToKernel();
  // Closes the rest, removes the groups. The child has ended, or is ended now.
  void Undo();

 private:
  explicit Newborn(LivePlan plan) : plan_(std::move(plan)) {}
  // What a descriptor of the plan's is there for, last of all.
  enum class Use : std::uint8_t { kNone, kMaking, kStarting, kCounting };
  void CloseUpTo(Use use);

  LivePlan plan_;
  sys::Pidfd self_;
  Child child_;
  sys::Fd notice_;
  Pipes pipes_;
  Counters counters_;
  sys::Fd mounts_;  // the job's mount namespace outlives it as long as this; not valid: could not be had
  bool prepared_ = false;
  Use closed_ = Use::kNone;
};

// What a job leaves in the hands of its launcher when every process of it is gone: memory, groups,
// descriptors, its mounts, its pid 1 on its way out. To be dropped when nobody waits for the job any more;
// whoever leaves earlier drops them as well.
struct Remains {
  Remains() = default;
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;
  ~Remains() { Drop(); }
  void Drop();

  std::optional<Newborn> newborn;
};

// The next jobs' jails, up to the program that only waits to be executed, or to look at its input, made while
// nobody waits for them: by a helper that runs one job of a plan after the other. Not thread-safe. Dropping it
// undoes them.
class Ahead {
 public:
  Ahead() = default;
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  ~Ahead() { Drop(); }

  // Bears a child for a job of `plan`; one that begins as it is told is started. What fails is left to the job itself.
  void Prepare(const KeptPlan& plan, const std::optional<Beginning>& beginning, OwnArguments own);
  // As many as are worth their keep: a jail is ready some milliseconds after it was begun.
  static constexpr std::size_t kMost = 3;
  std::size_t size() const { return waiting_.size(); }
  // While nobody has a job: what waits and is no longer young, or of another plan or beginning, goes.
  void DropOld(const KeptPlan& plan, const std::optional<Beginning>& beginning);
  // Who waits too long to be used, and costs more than its sleep: programs that were started. True: there are
  // others, which will.
  bool DropStale();
  static constexpr unsigned kStaleMs = 10'000;
  // What costs a job no time that is done now.
  void Tidy();
  // The oldest child that fits the job, if there is one of this plan, still alive and not older than some seconds.
  std::optional<Newborn> Take(const KeptPlan& plan, const Job& job);
  void Drop();

  // Makes a spawner, from which all jails of this plan are born from then on: none installs a filter. For a process
  // that has seen no job yet. Where it cannot be had, each jail installs its own; nobody tries twice.
  void StartSpawner(const KeptPlan& plan, OwnArguments own);
  // Of jails of this plan; null: they have none.
  Spawner* SpawnerOf(const KeptPlan& plan) { return spawner_ && plan == spawner_plan_ ? &*spawner_ : nullptr; }
  // It was there, and is not any more: this process should go, and another take its place.
  bool SpawnerIsLost() const { return spawner_ && spawner_->HasEnded(); }

 private:
  struct Waiting {
    Newborn newborn;
    std::uint64_t born_at;
  };
  // Programs that end before they look at an input are not started ahead any more.
  static constexpr unsigned kMostEnded = 3;
  void Become(const KeptPlan& plan, const std::optional<Beginning>& beginning);
  bool IsGood(Waiting& waiting, std::uint64_t age);
  KeptPlan spawner_plan_;
  bool spawner_tried_ = false;
  std::optional<Spawner> spawner_;  // outlives those that it bore
  KeptPlan plan_;  // of all of them
  std::optional<Beginning> beginning_;  // of those that are warm
  unsigned ended_ = 0;  // one behind the other
  std::vector<Waiting> waiting_;
};

}  // namespace moat::run
