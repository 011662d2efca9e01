#include "web/service.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <utility>

#include "observe/job_line.h"
#include "sys/calls.h"
#include "web/end_words.h"

namespace moat::web {
namespace {

using namespace std::chrono_literals;

// Once, when a job gets here: a clock of the day that is set later changes nothing for it.
std::uint64_t OnMachine(std::uint64_t of_day_ns) {
  if (of_day_ns == 0) return 0;
  const std::uint64_t day = UnixNs(), machine = sys::NowNs();
  return of_day_ns > day ? machine + (of_day_ns - day) : machine;
}

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
  live_[job.id] = {job.id, job.profile, job.caller, LiveJob::Where::kStored, LiveJob::Kind::kAccepted, job.created_ns, OnMachine(job.start_by_ns)};
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
    Count({id, profile, caller, LiveJob::Where::kHandedOn, LiveJob::Kind::kClientWaits, UnixNs(), job.start_by_ns}, ask);
  }
  const auto forget = [this, id] {
    const std::lock_guard lock(mutex_);
    live_.erase(id);
    cancelled_.erase(id);
  };
  try {
    RunHere here;
    Admission answer = parts_.backend.Submit(std::move(job), [this, now, id, profile, caller, forget](JobEnd end) {
      Record(id, profile, caller, end);
      forget();
      now->end = std::move(end);
      now->bell.Ring();
    }, &here);
    if (here) here();
    if (answer.kind != Admission::Kind::kTaken) forget();
    return answer;
  } catch (const std::bad_alloc&) {
    forget();
    throw;
  }
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
  const std::uint64_t start_by = ask.wait_ns > 0 ? sys::NowNs() + static_cast<std::uint64_t>(ask.wait_ns) : 0;
  job = MOAT_TRY(store_->Accept(std::move(staged), std::move(job)));
  const std::lock_guard lock(mutex_);
  Count({job.id, job.profile, job.caller, LiveJob::Where::kStored, LiveJob::Kind::kAccepted, job.created_ns, start_by}, ask);
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

std::optional<LiveJob> Service::FindLive(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(id);
  return found == live_.end() ? std::optional<LiveJob>() : found->second;
}

class Service::Coming final : public Arrival {
 public:
  Coming(Service& service, std::string caller) : service_(service), caller_(std::move(caller)) {}
  void Set() {  // with the lock
    ++service_.coming_[caller_];
    arrived_ = false;
  }
  ~Coming() override {
    const std::lock_guard lock(service_.mutex_);
    Arrive();
  }
  // With the lock.
  void Arrive() {
    if (std::exchange(arrived_, true)) return;
    const auto found = service_.coming_.find(caller_);
    if (--found->second == 0) service_.coming_.erase(found);
  }

 private:
  Service& service_;
  const std::string caller_;
  bool arrived_ = true;
};

std::shared_ptr<Arrival> Service::Expect(const std::string& caller, std::uint64_t most) {
  auto made = std::make_shared<Coming>(*this, caller);
  const std::lock_guard lock(mutex_);
  const auto coming = coming_.find(caller);
  std::uint64_t count = coming == coming_.end() ? 0 : coming->second;
  for (const auto& [id, job] : live_) count += job.caller == caller ? 1 : 0;
  if (most != 0 && count >= most) return nullptr;
  made->Set();
  return made;
}

// With the lock. What was on its way is a job now: it counts once.
void Service::Count(LiveJob job, const Ask& ask) {
  if (ask.arrival != nullptr) static_cast<Coming&>(*ask.arrival).Arrive();
  const std::string id = job.id;
  live_[id] = std::move(job);
}

// Figures, and no more: where there is no memory for them, the job has its end all the same.
void Service::Record(const std::string& id, const std::string& profile, const std::string& caller, const JobEnd& end) {
  try {
    RecordAll(id, profile, caller, end);
  } catch (const std::bad_alloc&) {
  }
}

void Service::RecordAll(const std::string& id, const std::string& profile, const std::string& caller, const JobEnd& end) {
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
    observe::TellNotStarted(parts_.log, {id, profile, caller, "", 0}, job.cause, job.detail);
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
  observe::TellEnd(parts_.log, {id, profile, caller, "", 0}, report, end.queued_ns);
  history_->Add(std::move(job), report.denials, report.limits_hit);
}

}  // namespace moat::web
