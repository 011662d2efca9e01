// The clerk of the service: a thread that commits what has ended, hands on what waits in the store, and keeps the
// store in size.
#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "sys/calls.h"
#include "web/end_words.h"
#include "web/memory_comes_back.h"
#include "web/service.h"

namespace moat::web {
namespace {

using namespace std::chrono_literals;

// Of a job for which the host has no room: its own limits may be what is too small, and then they always are.
constexpr std::uint64_t kMostStarts = 5;
constexpr std::uint64_t kTryAgainNs = 1'000'000'000;

}  // namespace

void Service::Clerk() {
  auto next_tidy = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (life_ != Life::kEnds || Due() != nullptr) {
    if (auto ended = NextEnded(); ended.has_value()) {
      lock.unlock();
      CommitInTheEnd(*std::move(ended));
      lock.lock();
      continue;
    }
    lock.unlock();
    try {
      HandOn();
      if (std::chrono::steady_clock::now() >= next_tidy) {
        Tidy();
        next_tidy = std::chrono::steady_clock::now() + 1s;
      }
    } catch (const std::bad_alloc&) {  // later, then
    }
    lock.lock();
    if (life_ != Life::kEnds && Due() == nullptr) work_.wait_for(lock, 100ms);
  }
}

// With the lock. What could not be committed waits for its next try, and nobody waits for it.
std::deque<Service::Ended>* Service::Due() {
  if (!ended_.empty()) return &ended_;
  const bool again = !again_.empty() && (again_.front().due_ns <= sys::NowNs() || life_ == Life::kEnds);
  return again ? &again_ : nullptr;
}

std::optional<Service::Ended> Service::NextEnded() {
  auto* due = Due();
  if (due == nullptr) return std::nullopt;
  Ended ended = std::move(due->front());
  due->pop_front();
  return ended;
}

Service::Fate Service::FateOf(const StoredJob& job, const JobEnd& end) const {
  const std::lock_guard lock(mutex_);
  const bool ran = end.kind == JobEnd::Kind::kRan, may_repeat = job.repeat == Repeat::kWhenLost;
  // Stopped because we end, and not because somebody said so.
  const bool stopped = end.kind == JobEnd::Kind::kDropped || (ran && end.report.cause == Cause::kCancelled && may_repeat);
  if (stopped && life_ != Life::kRuns && cancelled_.count(job.id) == 0) return Fate::kWaitsForNextStart;
  if (NoRoom(end) || (IsShort(end) && job.attempt < kMostStarts)) return Fate::kWaitsAgain;
  const bool lost = ran && end.report.cause == Cause::kWorkerLost;
  return lost && may_repeat && job.attempt < 2 ? Fate::kWaitsAgain : Fate::kEnds;
}

Status Service::CommitFate(const StoredJob& job, const JobEnd& end, Fate fate) {
  if (fate == Fate::kWaitsForNextStart) return store_->TakeBack(job.id);
  if (fate == Fate::kWaitsAgain) return end.kind == JobEnd::Kind::kFailed ? store_->TakeBack(job.id) : store_->WaitAgain(job.id);
  if (end.kind == JobEnd::Kind::kRan) return store_->Commit(job.id, end.report, end.out, end.err);
  return store_->CommitUnstarted(job.id, EndingOf(end), WhyOf(end));
}

void Service::CommitInTheEnd(Ended ended) {
  UntilThereIsMemory([&] { Commit(ended); });
}

void Service::Commit(Ended& ended) {
  auto job = store_->Find(ended.id);
  const bool known = job.ok() && job->has_value();
  const Fate fate = known ? FateOf(**job, ended.end) : Fate::kEnds;
  const Status done = known ? CommitFate(**job, ended.end, fate) : job.ok() ? Status() : Status(job.error());
  std::unique_lock lock(mutex_);
  if (!done.ok() && life_ != Life::kEnds) {
    // A full disk, usually. The result is kept here until there is room, and tried again.
    parts_.log.Write(Level::kError, "commit", {{"job", ended.id}, {"error", done.error().ToString()}});
    ended.due_ns = sys::NowNs() + kTryAgainNs;
    again_.push_back(std::move(ended));
    return;
  }
  const std::string profile = known ? (*job)->profile : "";
  if (handed_on_[profile] > 0) --handed_on_[profile];
  if (fate == Fate::kWaitsForNextStart) return;
  if (fate == Fate::kWaitsAgain) {
    live_[ended.id].where = LiveJob::Where::kStored;
    waiting_[profile].push_front(ended.id);
    if (NoRoom(ended.end) || IsShort(ended.end)) work_.wait_for(lock, 1s);
    return;
  }
  lock.unlock();
  Announce(ended.id);
}

void Service::Announce(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    live_.erase(id);
    cancelled_.erase(id);
    for (const auto& each : bells_) {
      if (const auto bell = each.lock()) bell->Ring();
    }
  }
  auto job = store_->Find(id);
  if (job.ok() && job->has_value() && !(*job)->webhook.empty() && parts_.notice) parts_.notice(**job);
}

void Service::EndUnstarted(const std::string& id, std::string_view ending, std::string_view why) {
  const Status done = store_->CommitUnstarted(id, ending, why);
  if (!done.ok()) parts_.log.Write(Level::kError, "commit", {{"job", id}, {"error", done.error().ToString()}});
  Announce(id);
}

// Few at a time: what the backend refuses would have been begun for nothing.
std::vector<std::string> Service::ChooseNext() {
  const auto load = parts_.backend.Load();
  const auto config = parts_.config.Get();
  std::vector<std::string> ids;
  const std::lock_guard lock(mutex_);
  for (const ProfileLoad& each : load) {
    const ProfileConfig* profile = config->FindProfile(each.profile);
    if (profile == nullptr) continue;
    auto& queue = waiting_[each.profile];
    const std::uint64_t room = std::min(each.capacity + 1, std::max<std::uint64_t>(profile->queue / 2, 1));
    while (!queue.empty() && handed_on_[each.profile] < room) {
      ids.push_back(queue.front());
      queue.pop_front();
      ++handed_on_[each.profile];
    }
  }
  return ids;
}

void Service::HandOn() {
  const std::lock_guard handing(handing_mutex_);
  if (draining() || handing_ == Handing::kPauses) return;
  for (const std::string& id : ChooseNext()) {
    try {
      HandOnOne(id);
    } catch (const std::bad_alloc&) {
      TakeBack(id);
    }
  }
}

void Service::TakeBack(const std::string& id) {
  UntilThereIsMemory([&] {
    const std::lock_guard lock(mutex_);
    LiveJob& job = live_[id];
    waiting_[job.profile].push_front(id);
    job.where = LiveJob::Where::kStored;
    --handed_on_[job.profile];
  });
}

void Service::HandOnOne(const std::string& id) {
  auto found = store_->Find(id);
  if (!found.ok() || !found->has_value()) return Announce(id);
  const StoredJob& stored = **found;
  std::uint64_t start_by = 0;
  {
    std::unique_lock lock(mutex_);
    const bool wanted = cancelled_.count(id) == 0;
    start_by = live_[id].start_by_ns;
    const bool late = start_by != 0 && sys::NowNs() > start_by;
    live_[id].where = LiveJob::Where::kHandedOn;
    if (!wanted || late) {
      --handed_on_[stored.profile];
      lock.unlock();
      return EndUnstarted(id, wanted ? "expired" : "cancelled", wanted ? kTooLate : kNotWanted);
    }
  }
  const auto admission = Begin(stored, start_by);
  if (admission.ok() && admission->kind == Admission::Kind::kTaken) {
    // Whoever cancelled in between has asked a backend that did not know the job yet.
    std::unique_lock lock(mutex_);
    const bool cancelled = cancelled_.count(id) != 0;
    lock.unlock();
    if (cancelled) parts_.backend.Cancel(id);
    return;
  }
  const bool later = admission.ok() && admission->kind != Admission::Kind::kUnknownProfile;
  {
    const std::lock_guard lock(mutex_);
    --handed_on_[stored.profile];
    if (later) {
      live_[id].where = LiveJob::Where::kStored;
      waiting_[stored.profile].push_front(id);
    }
  }
  if (!later) EndUnstarted(id, "failed", admission.ok() ? admission->why : admission.error().ToString());
}

Result<Admission> Service::Begin(const StoredJob& stored, std::uint64_t start_by_ns) {
  const std::string id = stored.id;
  Job job{id, stored.profile, stored.caller, stored.argv, {}, {}, {}, stored.priority, start_by_ns, [this, id] { return store_->BeginAttempt(id); }, -1};
  for (const std::string& name : stored.inputs) job.inputs.push_back({name, MOAT_TRY(store_->OpenInput(id, name))});
  job.outputs = MOAT_TRY(store_->PrepareAttempt(id));
  Admission admission = parts_.backend.Submit(std::move(job), [this, id, profile = stored.profile, caller = stored.caller](JobEnd end) {
    Record(id, profile, caller, end);
    QueueEnd({id, std::move(end), 0});
  });
  return admission;
}

// An end that got lost would leave its job running for ever.
void Service::QueueEnd(Ended ended) {
  UntilThereIsMemory([&] {
    const std::lock_guard lock(mutex_);
    ended_.push_back(std::move(ended));  // moves nothing when it throws
    work_.notify_all();
  });
}

void Service::Tidy() {
  (void)store_->ForgetOlderThan(static_cast<std::uint64_t>(parts_.config.Get()->keep_ns));
}

}  // namespace moat::web
