#include "web/local_backend.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/text.h"
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
  Profile(std::string the_name, Sandbox the_sandbox, std::uint64_t the_room)
      : name(std::move(the_name)), sandbox(std::move(the_sandbox)), room(the_room) {}
  std::string name;
  Sandbox sandbox;
  std::uint64_t room;  // in the queue
  std::uint64_t queued = 0, running = 0;
  std::uint64_t recent_ns = 100'000'000;  // what a job takes, smoothed; for Retry-After
};

class LocalBackend final : public Backend {
 public:
  LocalBackend(std::vector<std::unique_ptr<Profile>> profiles, unsigned lanes);
  ~LocalBackend() override;

  Admission Submit(Job job, Completion done) override;
  void Cancel(const std::string& id) override;
  std::vector<ProfileLoad> Load() const override;

 private:
  Profile* Find(const std::string& name) const;
  void Loop();
  Waiting Take();  // with the lock, and something in the queue
  void RunOne(Waiting waiting);
  JobEnd RunJob(Profile& profile, Waiting& waiting) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Profile>> profiles_;
  std::deque<Waiting> queue_;
  std::map<std::string, CancelToken> cancels_;  // of all that is here
  std::uint64_t arrivals_ = 0;
  enum class Life : unsigned char { kRuns, kEnds } life_ = Life::kRuns;
  std::vector<std::thread> lanes_;
};

LocalBackend::LocalBackend(std::vector<std::unique_ptr<Profile>> profiles, unsigned lanes)
    : profiles_(std::move(profiles)) {
  for (unsigned i = 0; i < lanes; ++i) lanes_.emplace_back([this] { Loop(); });
}

LocalBackend::~LocalBackend() {
  std::deque<Waiting> dropped;
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::kEnds;
    dropped.swap(queue_);
    for (const auto& [id, cancel] : cancels_) cancel.Cancel();
  }
  changed_.notify_all();
  for (std::thread& lane : lanes_) lane.join();
  for (Waiting& waiting : dropped) {
    JobEnd end;
    end.kind = JobEnd::Kind::kDropped;
    waiting.done(std::move(end));
  }
}

Profile* LocalBackend::Find(const std::string& name) const {
  for (const auto& profile : profiles_) {
    if (profile->name == name) return profile.get();
  }
  return nullptr;
}

Admission LocalBackend::Submit(Job job, Completion done) {
  auto cancel = CancelToken::Make();
  if (!cancel.ok()) return {Admission::Kind::kBusy, cancel.error().ToString(), std::chrono::seconds(1)};
  const std::lock_guard lock(mutex_);
  if (life_ == Life::kEnds) return {Admission::Kind::kDraining, "the daemon is ending", {}};
  Profile* profile = Find(job.profile);
  if (profile == nullptr) return {Admission::Kind::kUnknownProfile, "there is no profile `" + job.profile + "`", {}};
  if (profile->queued >= profile->room) {
    const auto wait = profile->recent_ns * profile->queued / std::max<std::size_t>(lanes_.size(), 1);
    return {Admission::Kind::kBusy, "the queue of `" + profile->name + "` is full",
            std::chrono::milliseconds(std::clamp<std::uint64_t>(wait / 1'000'000, 100, 60'000))};
  }
  ++profile->queued;
  cancels_[job.id] = *cancel;
  queue_.push_back({std::move(job), std::move(done), *cancel, sys::NowNs(), ++arrivals_});
  changed_.notify_one();
  return {};
}

void LocalBackend::Cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = cancels_.find(id);
  if (found != cancels_.end()) found->second.Cancel();
}

std::vector<ProfileLoad> LocalBackend::Load() const {
  const std::lock_guard lock(mutex_);
  std::vector<ProfileLoad> load;
  for (const auto& profile : profiles_) {
    load.push_back({profile->name, profile->queued, profile->running, lanes_.size(), 0});
  }
  return load;
}

Waiting LocalBackend::Take() {
  const auto sooner = [](const Waiting& a, const Waiting& b) {
    return std::pair(-a.job.priority, a.number) < std::pair(-b.job.priority, b.number);
  };
  const auto first = std::min_element(queue_.begin(), queue_.end(), sooner);
  Waiting taken = std::move(*first);
  queue_.erase(first);
  return taken;
}

void LocalBackend::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return life_ == Life::kEnds || !queue_.empty(); });
    if (life_ == Life::kEnds) return;
    Waiting waiting = Take();
    Profile* profile = Find(waiting.job.profile);
    --profile->queued;
    ++profile->running;
    lock.unlock();
    RunOne(std::move(waiting));
    lock.lock();
  }
}

void LocalBackend::RunOne(Waiting waiting) {
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
    end = RunJob(*profile, waiting);
    end.queued_ns = queued;
  }
  end.run_ns = sys::NowNs() - start;
  {
    const std::lock_guard lock(mutex_);
    --profile->running;
    profile->recent_ns = (profile->recent_ns * 7 + end.run_ns) / 8;
    cancels_.erase(waiting.job.id);
  }
  waiting.done(std::move(end));
}

JobEnd LocalBackend::RunJob(Profile& profile, Waiting& waiting) const {
  JobEnd end;
  if (waiting.job.starting) {
    Status may = waiting.job.starting();
    if (!may.ok()) {
      end.error = may.error();
      return end;
    }
  }
  Command command;
  command.argv = waiting.job.argv;
  for (const JobInput& input : waiting.job.inputs) {
    command.inputs.push_back({input.name, input.name, input.file.get()});
  }
  command.output_descriptor = waiting.job.outputs.get();
  command.out = Stream::Capture();
  command.err = Stream::Capture();
  command.cancel = waiting.cancel;
  auto outcome = profile.sandbox.Run(command);
  if (!outcome.ok()) {
    end.error = outcome.error();
    return end;
  }
  end.kind = JobEnd::Kind::kRan;
  end.report = std::move(outcome->report);
  end.out = std::move(outcome->out);
  end.err = std::move(outcome->err);
  return end;
}

}  // namespace

Result<std::unique_ptr<Backend>> MakeLocalBackend(const Config& config, LocalBackendOptions options) {
  std::vector<std::unique_ptr<Profile>> profiles;
  for (const ProfileConfig& each : config.profiles) {
    auto policy = Policy::Load(each.policy, options.policies);
    if (!policy.ok()) return policy.error();
    for (const auto& [flag, value] : each.limits) {
      Status set = policy->Set(flag, value);
      if (!set.ok()) return WithOrigin(set.error(), each.origin);
    }
    profiles.push_back(std::make_unique<Profile>(each.name, Sandbox(*policy, options.sandbox), each.queue));
  }
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  const unsigned lanes = config.jobs == 0 ? processors : static_cast<unsigned>(config.jobs);
  return std::unique_ptr<Backend>(new LocalBackend(std::move(profiles), lanes));
}

}  // namespace moat::web
