// Who may wait, who may run, and who is next. Stands between doors and keepers and knows neither:
// pure, with the time handed in, so that every decision can be tested.
//
//   bounded     a queue per profile, and in it a share per caller; what does not fit is refused with
//               the time after which to ask again
//   fair        between profiles, in a profile between priorities (16 : 4 : 1, nobody starves), in a
//               priority between callers
//   in time     what has not been started by its time is never started
//   fitting     running jobs are bounded for the machine, each profile, each caller, and by memory
//
// Not thread-safe: it lives in the daemon's loop.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pool/fair_share.h"

namespace moat::pool {

using Time = std::chrono::nanoseconds;  // on a clock that never jumps
using JobId = std::uint64_t;

enum class Priority : std::uint8_t { kHigh, kNormal, kLow };
inline constexpr unsigned kPriorities = 3;

struct ProfileBounds {
  unsigned running = 2;
  unsigned waiting = 256;
  unsigned waiting_per_caller = 64;
  unsigned running_per_caller = ~0U;
  std::uint64_t memory = 0;                  // of one job
  Time wait = std::chrono::seconds(30);      // longest time in the queue
};
struct MachineBounds {
  unsigned running = 2;
  std::uint64_t memory = ~0ULL;
};

struct Application {
  JobId id = 0;
  std::string profile;
  std::string caller;
  Priority priority = Priority::kNormal;
  std::optional<Time> start_by;  // the caller's own; the profile's `wait` holds as well
};

enum class Pausing : std::uint8_t { kNo, kYes };
enum class Refusal : std::uint8_t { kNone, kUnknownProfile, kFull, kCallerFull, kTooLate, kDraining, kNeverFits };
struct Decision {
  Refusal refusal = Refusal::kNone;
  Time retry_after{0};  // with kFull, kCallerFull; whole seconds
  bool admitted() const { return refusal == Refusal::kNone; }
};

struct QueueFigures {
  unsigned waiting = 0, running = 0;
  std::uint64_t admitted = 0, refused = 0, expired = 0, cancelled = 0, finished = 0;
  Time mean_service{0};  // exponentially weighted
};

class Admission {
 public:
  explicit Admission(MachineBounds machine) : machine_(machine) {}

  // A new profile, or new bounds for it. Jobs that wait stay, also beyond a lower bound.
  void SetProfile(const std::string& name, const ProfileBounds& bounds);
  void SetMachine(MachineBounds machine) { machine_ = machine; }
  // No more admissions; what waits goes on waiting for its turn. `profile` is forgotten once it is idle.
  void Retire(const std::string& profile);
  void Drain() { draining_ = true; }
  // Nobody can run this profile's jobs at the moment: they wait, and hold up nobody else's.
  void Pause(const std::string& profile, Pausing pausing);

  Decision Apply(const Application& application, Time now);
  // The next job to start now; it counts as running from here on. Call until there is none.
  std::optional<JobId> Next(Time now);
  // Jobs that have waited too long: they are out. Next never returns one of them.
  std::vector<JobId> Expired(Time now);
  // True: it was waiting, and is out. False: it is not waiting (any more).
  bool Cancel(JobId id);
  // A running job has ended.
  void Finished(JobId id, Time now);
  // A running job was not begun (its worker was gone): it waits again, at the front.
  void PutBack(JobId id);

  // When something expires next.
  std::optional<Time> NextExpiry() const;
  unsigned waiting() const { return static_cast<unsigned>(expiries_.size()); }
  unsigned running() const { return running_; }
  // Null: there is no such profile.
  const QueueFigures* Figures(const std::string& profile) const;

 private:
  struct Job {
    Application application;
    Time expires{0};
    Time started{0};
    enum class State : std::uint8_t { kWaiting, kRunning } state = State::kWaiting;
  };
  struct Class {
    FairShare<std::string> callers;
    std::map<std::string, std::deque<JobId>> waiting;
  };
  struct Profile {
    ProfileBounds bounds;
    QueueFigures figures;
    bool retired = false;
    Pausing pausing = Pausing::kNo;
    FairShare<unsigned> priorities;
    std::array<Class, kPriorities> classes;
    std::map<std::string, unsigned> waiting_of, running_of;  // by caller; no zeros
  };
  struct Choice {
    const std::string* profile = nullptr;
    unsigned priority = 0;
    const std::string* caller = nullptr;
  };

  Decision Refuse(Profile& profile, Refusal why) const;
  Time RetryAfter(const Profile& profile, unsigned ahead) const;
  void Enqueue(Profile& profile, JobId id, const Application& application, bool at_front);
  void Dequeue(Profile& profile, JobId id, const Application& application);
  bool MayRun(const Profile& profile, const std::string& caller) const;
  bool HasTurn(const Profile& profile) const;
  std::optional<Choice> Choose() const;
  JobId Take(const Choice& choice, Time now);
  void Sweep(Time now);
  void ForgetIfIdle(const std::string& name);

  MachineBounds machine_;
  bool draining_ = false;
  unsigned running_ = 0;
  std::uint64_t memory_ = 0;  // of running jobs
  std::map<std::string, Profile> profiles_;
  FairShare<std::string> turns_;  // profiles with waiting jobs
  std::map<JobId, Job> jobs_;
  std::set<std::pair<Time, JobId>> expiries_;  // of waiting jobs
  std::vector<JobId> overdue_;                 // out, and not told yet
};

}  // namespace moat::pool
