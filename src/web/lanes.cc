#include "web/lanes.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "sys/calls.h"

namespace moat::web {
namespace {

struct Waiting {
  Job job;
  Completion done;
  CancelToken cancel;
  std::uint64_t since_ns = 0;
  std::uint64_t number = 0;  // in the order of arrival
};

struct Profile {
  std::string name;
  std::uint64_t room = 0;  // in the queue
  std::uint64_t queued = 0, running = 0;
  std::uint64_t recent_ns = 100'000'000;  // what a job takes, smoothed; for Retry-After
};

class Lanes final : public Backend {
 public:
  Lanes(std::vector<std::unique_ptr<Profile>> profiles, std::vector<std::unique_ptr<Runner>> runners);
  ~Lanes() override;
  Status Start();

  Admission Submit(Job job, Completion done, RunHere* here) override;
  void Cancel(const std::string& id) override;
  std::vector<ProfileLoad> Load() const override;

 private:
  // These with the lock.
  Profile* Find(const std::string& name) const;
  bool CanLend(const Job& job) const;
  Waiting Take();  // something is in the queue
  Runner* Occupy(Profile& profile);
  void GiveBack(Runner* runner);

  void Loop();
  void RunOne(Runner& runner, Waiting waiting);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Profile>> profiles_;
  std::deque<Waiting> queue_;
  std::map<std::string, CancelToken> cancels_;  // of all that is here
  std::uint64_t arrivals_ = 0;
  enum class Life : unsigned char { kRuns, kEnds } life_ = Life::kRuns;
  std::vector<std::unique_ptr<Runner>> runners_;
  std::vector<Runner*> idle_;
  std::vector<std::thread> lanes_;
};

Lanes::Lanes(std::vector<std::unique_ptr<Profile>> profiles, std::vector<std::unique_ptr<Runner>> runners)
    : profiles_(std::move(profiles)), runners_(std::move(runners)) {
  for (const auto& runner : runners_) idle_.push_back(runner.get());
}

// Where there is no room for another thread, none of them stays.
Status Lanes::Start() {
  try {
    for (std::size_t i = 0; i < runners_.size(); ++i) lanes_.emplace_back([this] { Loop(); });
  } catch (const std::system_error& error) {
    return SystemError("pthread_create", error.code().value(), "a thread for each job at once");
  }
  return {};
}

Lanes::~Lanes() {
  std::deque<Waiting> dropped;
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::kEnds;
    dropped.swap(queue_);
    for (const auto& [id, cancel] : cancels_) cancel.Cancel();
  }
  changed_.notify_all();
  for (std::thread& lane : lanes_) lane.join();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return idle_.size() == runners_.size(); });  // threads that were lent
  }
  for (Waiting& waiting : dropped) {
    JobEnd end;
    end.kind = JobEnd::Kind::kDropped;
    waiting.done(std::move(end));
  }
}

Profile* Lanes::Find(const std::string& name) const {
  for (const auto& profile : profiles_) {
    if (profile->name == name) return profile.get();
  }
  return nullptr;
}

// Nobody who came before is passed, and somebody is free.
bool Lanes::CanLend(const Job& job) const { return job.client >= 0 && queue_.empty() && !idle_.empty() && idle_.back()->watches_client(); }

Runner* Lanes::Occupy(Profile& profile) {
  Runner* runner = idle_.back();
  idle_.pop_back();
  ++profile.running;
  return runner;
}

// The last thing that who runs a job does here: with the lock's end this object may end.
void Lanes::GiveBack(Runner* runner) {
  idle_.push_back(runner);
  if (life_ == Life::kEnds) {
    changed_.notify_all();
  } else if (!queue_.empty()) {
    changed_.notify_one();
  }
}

Admission Lanes::Submit(Job job, Completion done, RunHere* here) {
  auto cancel = CancelToken::Make();
  if (!cancel.ok()) return {Admission::Kind::kBusy, cancel.error().ToString(), std::chrono::seconds(1)};
  const std::lock_guard lock(mutex_);
  if (life_ == Life::kEnds) return {Admission::Kind::kDraining, "the daemon is ending", {}};
  Profile* profile = Find(job.profile);
  if (profile == nullptr) return {Admission::Kind::kUnknownProfile, "there is no profile `" + job.profile + "`", {}};
  if (profile->queued >= profile->room) {
    const auto wait = profile->recent_ns * profile->queued / std::max<std::size_t>(runners_.size(), 1);
    return {Admission::Kind::kBusy, "the queue of `" + profile->name + "` is full",
            std::chrono::milliseconds(std::clamp<std::uint64_t>(wait / 1'000'000, 100, 60'000))};
  }
  const std::string id = job.id;
  try {
    cancels_[id] = *cancel;
    if (here != nullptr && CanLend(job)) {
      using Lent = std::pair<Runner*, Waiting>;
      const auto kept = std::make_shared<Lent>(nullptr, Waiting{std::move(job), std::move(done), *cancel, sys::NowNs(), ++arrivals_});
      *here = [this, kept] { RunOne(*kept->first, std::move(kept->second)); };
      kept->first = Occupy(*profile);  // nothing fails behind this
      return {};
    }
    queue_.push_back({std::move(job), std::move(done), *cancel, sys::NowNs(), ++arrivals_});
  } catch (const std::bad_alloc&) {
    cancels_.erase(id);
    return {Admission::Kind::kBusy, "there is no memory for another job", std::chrono::seconds(1)};
  }
  ++profile->queued;
  changed_.notify_one();
  return {};
}

void Lanes::Cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = cancels_.find(id);
  if (found != cancels_.end()) found->second.Cancel();
}

std::vector<ProfileLoad> Lanes::Load() const {
  const std::lock_guard lock(mutex_);
  std::vector<ProfileLoad> load;
  for (const auto& profile : profiles_) {
    load.push_back({profile->name, profile->queued, profile->running, runners_.size(), 0});
  }
  return load;
}

Waiting Lanes::Take() {
  const auto sooner = [](const Waiting& a, const Waiting& b) {
    return std::pair(-a.job.priority, a.number) < std::pair(-b.job.priority, b.number);
  };
  const auto first = std::min_element(queue_.begin(), queue_.end(), sooner);
  Waiting taken = std::move(*first);
  queue_.erase(first);
  return taken;
}

void Lanes::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return life_ == Life::kEnds || (!queue_.empty() && !idle_.empty()); });
    if (life_ == Life::kEnds) return;
    Waiting waiting = Take();
    Profile* profile = Find(waiting.job.profile);
    --profile->queued;
    Runner* runner = Occupy(*profile);
    lock.unlock();
    RunOne(*runner, std::move(waiting));
    lock.lock();
  }
}

void Lanes::RunOne(Runner& runner, Waiting waiting) {
  Profile* profile = Find(waiting.job.profile);
  const std::uint64_t start = sys::NowNs();
  JobEnd end;
  end.queued_ns = start - waiting.since_ns;
  if (waiting.cancel.cancelled()) {
    end.kind = JobEnd::Kind::kDropped;
  } else if (waiting.job.start_by_ns != 0 && start > waiting.job.start_by_ns) {
    end.kind = JobEnd::Kind::kExpired;
  } else {
    const std::uint64_t queued = end.queued_ns;
    try {
      end = runner.Run(waiting.job, waiting.cancel);
    } catch (const std::bad_alloc&) {
      end.error = SystemError("malloc", ENOMEM, "a job");
    }
    end.queued_ns = queued;
  }
  const std::uint64_t run_ns = sys::NowNs() - start;
  end.run_ns = run_ns;
  waiting.done(std::move(end));
  const std::lock_guard lock(mutex_);
  --profile->running;
  profile->recent_ns = (profile->recent_ns * 7 + run_ns) / 8;
  cancels_.erase(waiting.job.id);
  GiveBack(&runner);
}

}  // namespace

Result<std::unique_ptr<Backend>> MakeLanes(const Config& config, std::vector<std::unique_ptr<Runner>> runners) {
  std::vector<std::unique_ptr<Profile>> profiles;
  for (const ProfileConfig& each : config.profiles) profiles.push_back(std::make_unique<Profile>(Profile{each.name, each.queue}));
  auto lanes = std::make_unique<Lanes>(std::move(profiles), std::move(runners));
  MOAT_TRY(lanes->Start());
  return std::unique_ptr<Backend>(std::move(lanes));
}

}  // namespace moat::web
