#include "web/service.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "sys/calls.h"

namespace moat::web {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTooLate = "it waited too long and was not started";
constexpr const char* kNotWanted = "cancelled while it waited";

const char* EndingOf(const JobEnd& end) {
  switch (end.kind) {
    case JobEnd::Kind::kRan:
      return "ran";
    case JobEnd::Kind::kExpired:
      return "expired";
    case JobEnd::Kind::kDropped:
      return "cancelled";
    case JobEnd::Kind::kFailed:
      return "failed";
  }
  return "failed";
}

std::string WhyOf(const JobEnd& end) {
  if (end.kind == JobEnd::Kind::kExpired) return kTooLate;
  if (end.kind == JobEnd::Kind::kDropped) return kNotWanted;
  return end.error.ToString();
}

// It could not even be noted that it starts: later, then.
bool NoRoom(const JobEnd& end) { return end.kind == JobEnd::Kind::kFailed && end.error.error_number == ENOSPC; }

Admission Failed(const Error& error) { return {Admission::Kind::kBusy, error.ToString(), 1s}; }

}  // namespace

Result<std::unique_ptr<Service>> Service::Start(Parts parts) {
  std::unique_ptr<Service> service(new Service(std::move(parts)));
  const Config& config = *service->parts_.config.Get();
  StoreOptions options;
  options.folder = config.spool;
  options.size = config.spool_size;
  service->store_ = MOAT_TRY(Store::Open(std::move(options)));
  service->history_ = MOAT_TRY(History::Open(config.spool + "/history.db", config.history));
  for (const StoredJob& job : MOAT_TRY(service->store_->Unfinished())) service->Resume(job);
  for (const StoredJob& job : MOAT_TRY(service->store_->NoticesDue())) {
    if (service->parts_.notice) service->parts_.notice(job);
  }
  service->clerk_ = std::thread([s = service.get()] { s->Clerk(); });
  return service;
}

// Accepted by a predecessor. A profile that is gone since then is an end, too.
void Service::Resume(const StoredJob& job) {
  parts_.log.Write(Level::kInfo, "resumed", {{"job", job.id}, {"profile", job.profile}});
  if (parts_.config.Get()->FindProfile(job.profile) == nullptr) {
    (void)store_->CommitUnstarted(job.id, "failed", "the profile `" + job.profile + "` is no longer configured");
    return;
  }
  live_[job.id] = {job.id, job.profile, job.caller, LiveJob::Where::kStored, job.created_ns};
  waiting_[job.profile].push_back(job.id);
}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::kEnds;
  }
  work_.notify_all();
  if (clerk_.joinable()) clerk_.join();
}

void Service::SetHanding(Handing handing) {
  const std::lock_guard at_it(handing_mutex_);  // who is at it finishes first
  handing_ = handing;
}

void Service::EndOrphans() {
  const auto config = parts_.config.Get();
  std::vector<std::pair<std::string, std::string>> orphans;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [profile, ids] : waiting_) {
      if (config->FindProfile(profile) != nullptr) continue;
      for (const std::string& id : std::exchange(ids, {})) orphans.emplace_back(id, profile);
    }
  }
  for (const auto& [id, profile] : orphans) EndUnstarted(id, "failed", "the profile `" + profile + "` is no longer configured");
}

void Service::Drain() {
  {
    const std::lock_guard lock(mutex_);
    life_ = Life::kDrains;
  }
  const std::lock_guard handing(handing_mutex_);  // who is at it finishes first
}

bool Service::draining() const {
  const std::lock_guard lock(mutex_);
  return life_ != Life::kRuns;
}

// What the job reads and writes.
Status Service::OpenFiles(Staged& staged, Job& job) {
  if (staged.kind() == Staged::Kind::kPassing) {
    job.output = MOAT_TRY(staged.MakeOutput());
  } else {
    job.outputs = MOAT_TRY(staged.MakeOutputs());
  }
  for (const std::string& name : staged.inputs()) job.inputs.push_back({name, MOAT_TRY(staged.OpenInput(name))});
  return {};
}

Admission Service::Run(Staged& staged, const Ask& ask, int client, const std::shared_ptr<Now>& now) {
  if (draining()) return {Admission::Kind::kDraining, "the daemon is ending", {}};
  const std::string id = staged.id(), profile = ask.profile->name, caller = ask.caller;
  now->id = id;
  Job job{id, profile, caller, ask.argv, {}, {}, {}, ask.priority, 0, {}, client};
  if (ask.wait_ns > 0) job.start_by_ns = sys::NowNs() + static_cast<std::uint64_t>(ask.wait_ns);
  const Status opened = OpenFiles(staged, job);
  if (!opened.ok()) return Failed(opened.error());
  {
    const std::lock_guard lock(mutex_);
    live_[id] = {id, profile, caller, LiveJob::Where::kHandedOn, UnixNs()};
  }
  RunHere here;
  Admission answer = parts_.backend.Submit(std::move(job), [this, now, id, profile, caller](JobEnd end) {
    Record(id, profile, caller, end);
    {
      const std::lock_guard lock(mutex_);
      live_.erase(id);
      cancelled_.erase(id);
    }
    now->end = std::move(end);
    now->bell.Ring();
  }, &here);
  if (here) here();
  if (answer.kind == Admission::Kind::kTaken) return answer;
  const std::lock_guard lock(mutex_);
  live_.erase(id);
  return answer;
}

Status Service::Keep(Staged staged, const Ask& ask, const JobEnd& end) {
  StoredJob job;
  job.profile = ask.profile->name;
  job.caller = ask.caller;
  job.argv = ask.argv;
  job.attempt = 1;
  job.finished_ns = UnixNs();
  job.created_ns = job.started_ns = job.finished_ns - end.run_ns;
  job.report = end.report.ToJson();
  return store_->Keep(std::move(staged), std::move(job), end.out, end.err);
}

Result<Service::Later> Service::Accept(Staged staged, const Ask& ask) {
  const std::string& profile = ask.profile->name;
  {
    const std::lock_guard lock(mutex_);
    if (life_ != Life::kRuns) return Later{{Admission::Kind::kDraining, "the daemon is ending", {}}, ""};
    if (waiting_[profile].size() >= ask.profile->queue) {
      return Later{{Admission::Kind::kBusy, "as many jobs of `" + profile + "` wait as may", 1s}, ""};
    }
  }
  StoredJob job;
  job.profile = profile;
  job.caller = ask.caller;
  job.argv = ask.argv;
  job.webhook = ask.webhook;
  job.priority = ask.priority;
  job.repeat = ask.profile->repeat == ProfileConfig::Repeat::kWhenLost ? Repeat::kWhenLost : Repeat::kNever;
  if (ask.wait_ns > 0) job.start_by_ns = UnixNs() + static_cast<std::uint64_t>(ask.wait_ns);
  job = MOAT_TRY(store_->Accept(std::move(staged), std::move(job)));
  const std::lock_guard lock(mutex_);
  live_[job.id] = {job.id, job.profile, job.caller, LiveJob::Where::kStored, job.created_ns};
  auto& queue = waiting_[job.profile];
  queue.insert(job.priority > 0 ? queue.begin() : queue.end(), job.id);
  work_.notify_all();
  return Later{{}, job.id};
}

void Service::Cancel(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    if (live_.count(id) == 0) return;
    cancelled_.insert(id);
    work_.notify_all();
  }
  parts_.backend.Cancel(id);
}

void Service::Listen(const std::shared_ptr<Bell>& bell) {
  const std::lock_guard lock(mutex_);
  std::erase_if(bells_, [](const std::weak_ptr<Bell>& each) { return each.expired(); });
  bells_.push_back(bell);
}

void Service::RingAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& each : bells_) {
    if (const auto bell = each.lock()) bell->Ring();
  }
}

std::vector<LiveJob> Service::Live() const {
  const std::lock_guard lock(mutex_);
  std::vector<LiveJob> all;
  for (const auto& [id, job] : live_) all.push_back(job);
  return all;
}

std::uint64_t Service::unfinished(const std::string& caller) const {
  const std::lock_guard lock(mutex_);
  std::uint64_t count = 0;
  for (const auto& [id, job] : live_) count += job.caller == caller ? 1 : 0;
  return count;
}

void Service::Record(const std::string& id, const std::string& profile, const std::string& caller, const JobEnd& end) {
  HistoryJob job;
  job.finished_ns = UnixNs();
  job.id = id;
  job.profile = profile;
  job.caller = caller;
  job.queued_ns = end.queued_ns;
  parts_.metrics.Observe(profile, Phase::kQueue, end.queued_ns);
  if (end.kind != JobEnd::Kind::kRan) {
    job.cause = EndingOf(end);
    job.detail = WhyOf(end);
    parts_.metrics.CountNotStarted(profile, job.cause);
    parts_.log.Write(Level::kWarning, "job", {{"job", id}, {"profile", profile}, {"caller", caller}, {"ending", job.cause}, {"why", job.detail}});
    return history_->Add(std::move(job), {}, {});
  }
  const Report& report = end.report;
  job.cause = CauseName(report.cause);
  job.detail = report.detail;
  job.wall_ns = report.wall;
  job.cpu_ns = report.cpu_user + report.cpu_system;
  job.memory_peak = report.memory_peak;
  job.exit_status = report.ExitStatus();
  parts_.metrics.CountJob(profile, report);
  parts_.metrics.Observe(profile, Phase::kRun, end.run_ns);
  parts_.log.Write(Level::kInfo, "job",
                   {{"job", id}, {"profile", profile}, {"caller", caller}, {"cause", job.cause}, {"detail", job.detail},
                    {"queued_ns", end.queued_ns}, {"wall_ns", report.wall}, {"cpu_ns", job.cpu_ns},
                    {"memory_peak", report.memory_peak}, {"denials", report.denial_count}});
  history_->Add(std::move(job), report.denials, report.limits_hit);
}

// The clerk commits what has ended, hands on what waits in the store, and keeps the store in size.
void Service::Clerk() {
  auto next_tidy = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (life_ != Life::kEnds || !ended_.empty()) {
    if (!ended_.empty()) {
      Ended ended = std::move(ended_.front());
      ended_.pop_front();
      lock.unlock();
      Commit(std::move(ended));
      lock.lock();
      continue;
    }
    lock.unlock();
    HandOn();
    if (std::chrono::steady_clock::now() >= next_tidy) {
      Tidy();
      next_tidy = std::chrono::steady_clock::now() + 1s;
    }
    lock.lock();
    if (!ended_.empty() || life_ == Life::kEnds) continue;
    work_.wait_for(lock, 100ms);
  }
}

Service::Fate Service::FateOf(const StoredJob& job, const JobEnd& end) const {
  const std::lock_guard lock(mutex_);
  const bool ran = end.kind == JobEnd::Kind::kRan, may_repeat = job.repeat == Repeat::kWhenLost;
  // Stopped because we end, and not because somebody said so.
  const bool stopped = end.kind == JobEnd::Kind::kDropped || (ran && end.report.cause == Cause::kCancelled && may_repeat);
  if (stopped && life_ != Life::kRuns && cancelled_.count(job.id) == 0) return Fate::kWaitsForNextStart;
  if (NoRoom(end)) return Fate::kWaitsAgain;
  const bool lost = ran && end.report.cause == Cause::kWorkerLost;
  return lost && may_repeat && job.attempt < 2 ? Fate::kWaitsAgain : Fate::kEnds;
}

Status Service::CommitFate(const StoredJob& job, const JobEnd& end, Fate fate) {
  if (fate == Fate::kWaitsForNextStart) return store_->TakeBack(job.id);
  if (fate == Fate::kWaitsAgain) return store_->WaitAgain(job.id);
  if (end.kind == JobEnd::Kind::kRan) return store_->Commit(job.id, end.report, end.out, end.err);
  return store_->CommitUnstarted(job.id, EndingOf(end), WhyOf(end));
}

void Service::Commit(Ended ended) {
  auto job = store_->Find(ended.id);
  const bool known = job.ok() && job->has_value();
  const Fate fate = known ? FateOf(**job, ended.end) : Fate::kEnds;
  const Status done = known ? CommitFate(**job, ended.end, fate) : job.ok() ? Status() : Status(job.error());
  std::unique_lock lock(mutex_);
  if (!done.ok() && life_ != Life::kEnds) {
    // A full disk, usually. The result is kept here until there is room, and tried again.
    parts_.log.Write(Level::kError, "commit", {{"job", ended.id}, {"error", done.error().ToString()}});
    ended_.push_back(std::move(ended));
    work_.wait_for(lock, 1s);
    return;
  }
  const std::string profile = known ? (*job)->profile : "";
  if (handed_on_[profile] > 0) --handed_on_[profile];
  if (fate == Fate::kWaitsForNextStart) return;
  if (fate == Fate::kWaitsAgain) {
    live_[ended.id].where = LiveJob::Where::kStored;
    waiting_[profile].push_front(ended.id);
    if (NoRoom(ended.end)) work_.wait_for(lock, 1s);
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
  for (const std::string& id : ChooseNext()) HandOnOne(id);
}

void Service::HandOnOne(const std::string& id) {
  auto found = store_->Find(id);
  if (!found.ok() || !found->has_value()) return Announce(id);
  const StoredJob& stored = **found;
  {
    std::unique_lock lock(mutex_);
    const bool wanted = cancelled_.count(id) == 0;
    const bool late = stored.start_by_ns != 0 && UnixNs() > stored.start_by_ns;
    live_[id].where = LiveJob::Where::kHandedOn;
    if (!wanted || late) {
      --handed_on_[stored.profile];
      lock.unlock();
      return EndUnstarted(id, wanted ? "expired" : "cancelled", wanted ? kTooLate : kNotWanted);
    }
  }
  const auto admission = Begin(stored);
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

Result<Admission> Service::Begin(const StoredJob& stored) {
  const std::string id = stored.id;
  Job job{id, stored.profile, stored.caller, stored.argv, {}, {}, {}, stored.priority, 0, [this, id] { return store_->BeginAttempt(id); }, -1};
  const std::uint64_t now = UnixNs();
  // Times of the day become times of the machine; a clock that jumps shifts only what is not yet here.
  if (stored.start_by_ns > now) job.start_by_ns = sys::NowNs() + (stored.start_by_ns - now);
  for (const std::string& name : stored.inputs) job.inputs.push_back({name, MOAT_TRY(store_->OpenInput(id, name))});
  job.outputs = MOAT_TRY(store_->PrepareAttempt(id));
  Admission admission = parts_.backend.Submit(std::move(job), [this, id, profile = stored.profile, caller = stored.caller](JobEnd end) {
    Record(id, profile, caller, end);
    const std::lock_guard lock(mutex_);
    ended_.push_back({id, std::move(end)});
    work_.notify_all();
  });
  return admission;
}

void Service::Tidy() {
  const std::uint64_t now = UnixNs(), keep = static_cast<std::uint64_t>(parts_.config.Get()->keep_ns);
  if (now > keep) (void)store_->ForgetOlderThan(now - keep);
}

}  // namespace moat::web
