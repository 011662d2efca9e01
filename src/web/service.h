// Takes jobs from a door, now or for later, and sees them through: the store, the backend, the
// history, the webhooks. Everything that is true of a job whichever door it came by.
//
// Threads: any. Ownership: what is passed to Start by reference outlives the service, but the
// backend: it is destroyed between Drain and the service's own end, so that all have ended.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "moat/result.h"
#include "web/backend.h"
#include "web/bell.h"
#include "web/config.h"
#include "web/history.h"
#include "web/observing.h"
#include "web/store.h"

namespace moat::web {

// A job that is on its way to us: it counts for its caller, until it is one or this is gone.
class Arrival {
 public:
  virtual ~Arrival() = default;
};

struct Ask {
  const ProfileConfig* profile = nullptr;
  std::string caller;
  std::vector<std::string> argv;
  std::string webhook;
  int priority = 0;
  std::int64_t wait_ns = 0;  // not started after that; 0: no matter
  std::shared_ptr<Arrival> arrival;  // what it counted as while it came; null: nothing
};

struct LiveJob {
  std::string id, profile, caller;
  enum class Where : std::uint8_t { kStored, kHandedOn } where = Where::kHandedOn;
  enum class Kind : std::uint8_t { kAccepted, kClientWaits } kind = Kind::kAccepted;
  std::uint64_t since_ns = 0;     // of the day
  std::uint64_t start_by_ns = 0;  // CLOCK_MONOTONIC; 0: no matter
};

class Service {
 public:
  struct Parts {
    const LiveConfig& config;
    Backend& backend;
    Metrics& metrics;
    Log& log;
    std::function<void(const StoredJob&)> notice;  // a job with a webhook has ended; must not wait
  };
  static Result<std::unique_ptr<Service>> Start(Parts parts);
  ~Service();  // accepted jobs stay in the store

  Result<Staged> Stage(Staged::Kind kind) { return store_->Stage(kind); }

  // For who waits, and whose `client` is. The bell rings when `end` is there, which it may be when this returns; until
  // then `staged` must stay.
  struct Now {
    std::string id;
    std::optional<JobEnd> end;
    Bell bell;
  };
  Admission Run(Staged& staged, const Ask& ask, int client, const std::shared_ptr<Now>& now);
  Status Keep(Staged staged, const Ask& ask, const JobEnd& end);  // what was run is to be had later

  struct Later {
    Admission admission;
    std::string id;
  };
  Result<Later> Accept(Staged staged, const Ask& ask);  // an error: nothing was accepted

  void Cancel(const std::string& id);
  // Rings at each end of an accepted job, until the bell is gone.
  void Listen(const std::shared_ptr<Bell>& bell);

  void RingAll();

  Store& store() { return *store_; }
  History& history() { return *history_; }
  std::vector<LiveJob> Live() const;
  std::optional<LiveJob> FindLive(const std::string& id) const;
  // Null: with what is on its way this caller has `most` unfinished jobs. 0: no bound.
  std::shared_ptr<Arrival> Expect(const std::string& caller, std::uint64_t most);
  // The backend is given nothing from the store any more, or again. Everything else goes on.
  enum class Handing : std::uint8_t { kGoesOn, kPauses };
  void SetHanding(Handing handing);
  // The configuration is another one: what waits for a profile that is gone ends.
  void EndOrphans();
  void Drain();  // takes nothing any more, and gives the backend nothing
  bool draining() const;

 private:
  struct Ended {
    std::string id;
    JobEnd end;
    std::uint64_t due_ns = 0;  // of another try; 0: now
  };
  class Coming;
  void Count(LiveJob job, const Ask& ask);
  explicit Service(Parts parts) : parts_(std::move(parts)) {}
  static Status OpenFiles(Staged& staged, Job& job);
  void Resume(const StoredJob& job);
  void Record(const std::string& id, const std::string& profile, const std::string& caller, const JobEnd& end);
  void RecordAll(const std::string& id, const std::string& profile, const std::string& caller, const JobEnd& end);
  void QueueEnd(Ended ended);
  void Clerk();
  std::deque<Ended>* Due();
  std::optional<Ended> NextEnded();
  void CommitInTheEnd(Ended ended);
  void Commit(Ended& ended);
  enum class Fate : std::uint8_t { kEnds, kWaitsAgain, kWaitsForNextStart };
  Fate FateOf(const StoredJob& job, const JobEnd& end) const;
  Status CommitFate(const StoredJob& job, const JobEnd& end, Fate fate);
  std::vector<std::string> ChooseNext();
  void HandOn();
  void HandOnOne(const std::string& id);
  void TakeBack(const std::string& id);
  Result<Admission> Begin(const StoredJob& stored, std::uint64_t start_by_ns);
  void EndUnstarted(const std::string& id, std::string_view ending, std::string_view why);
  void Announce(const std::string& id);
  void Tidy();

  Parts parts_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;

  std::mutex handing_mutex_;  // held while the backend is given something; before the next one
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable work_;
  std::map<std::string, LiveJob> live_;
  std::map<std::string, std::uint64_t> coming_;  // by caller
  std::map<std::string, std::deque<std::string>> waiting_;  // by profile, in the store
  std::map<std::string, std::uint64_t> handed_on_;          // by profile, of the store's
  std::set<std::string> cancelled_;
  std::deque<Ended> ended_, again_;  // the latter could not be committed: by the times of their next try
  std::vector<std::weak_ptr<Bell>> bells_;
  enum class Life : std::uint8_t { kRuns, kDrains, kEnds } life_ = Life::kRuns;
  Handing handing_ = Handing::kGoesOn;
  std::thread clerk_;
};

}  // namespace moat::web
