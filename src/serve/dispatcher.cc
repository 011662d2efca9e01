#include "serve/dispatcher.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "observe/job_line.h"
#include "serve/jail_keeper.h"
#include "serve/zygote_keeper.h"

namespace moat::serve {
namespace {

// Of a job to begin: a host without processes or memory to spare should not be asked for ever.
constexpr unsigned kMostAttempts = 8;
constexpr Time kPause = std::chrono::milliseconds(5);

pool::MachineBounds BoundsOf(const Config& config) {
  pool::MachineBounds bounds;
  bounds.running = config.running != 0 ? config.running : std::max(1U, std::thread::hardware_concurrency());
  bounds.memory = config.memory.value_or(~0ULL);
  return bounds;
}

bool Rewind(const std::vector<sys::Fd>& files, bool truncate) {
  return std::all_of(files.begin(), files.end(), [&](const sys::Fd& file) {
    struct stat facts;
    if (fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
    return lseek(file.get(), 0, SEEK_SET) == 0 && (!truncate || ftruncate(file.get(), 0) == 0);
  });
}

// As it was before the first attempt; false where that cannot be had (a pipe).
bool Restore(const Submission& submission) { return Rewind(submission.inputs, false) && Rewind(submission.outputs, true); }

Completion Invalid(std::string why) {
  Completion completion;
  completion.outcome = Outcome::kInvalid;
  completion.why = std::move(why);
  return completion;
}

// Jobs are numbered; behind this they have names that no other daemon gives.
std::string NewRun() {
  std::uint32_t random = 0;
  while (getrandom(&random, sizeof(random), 0) != static_cast<ssize_t>(sizeof(random))) {
  }
  std::string name;
  for (int i = 0; i < 8; ++i, random >>= 4) name += "0123456789abcdef"[random & 15];
  return name;
}

const char* NameOf(pool::Refusal refusal) {
  switch (refusal) {
    case pool::Refusal::kNone: return "";
    case pool::Refusal::kUnknownProfile: return "unknown-profile";
    case pool::Refusal::kFull: return "busy";
    case pool::Refusal::kCallerFull: return "quota";
    case pool::Refusal::kTooLate: return "too-late";
    case pool::Refusal::kDraining: return "draining";
    case pool::Refusal::kNeverFits: return "never-fits";
  }
  return "";
}

std::string InWords(pool::Refusal refusal) {
  switch (refusal) {
    case pool::Refusal::kNone: return "";
    case pool::Refusal::kUnknownProfile: return "there is no such profile";
    case pool::Refusal::kFull: return "the queue of this profile is full";
    case pool::Refusal::kCallerFull: return "this caller has as many jobs waiting as it may";
    case pool::Refusal::kTooLate: return "its time to start is over already";
    case pool::Refusal::kDraining: return "no more jobs are taken: the daemon is going, or the profile is";
    case pool::Refusal::kNeverFits: return "it could never run: the profile's memory is more than there is";
  }
  return "";
}

}  // namespace

Dispatcher::Dispatcher(Loop& loop, observe::Metrics& metrics, observe::Log& log)
    : loop_(loop), remover_(loop), metrics_(metrics), log_(log), run_(NewRun()), admission_({}) {}

Dispatcher::~Dispatcher() {
  loop_.Drop(expiry_timer_);
  for (auto& [id, pending] : jobs_) remover_.Take(pending.submission.TakeDescriptors());
}

Result<std::shared_ptr<Keeper>> Dispatcher::MakeKeeper(const std::string& name, const ProfileConfig& config) {
  Keeper::Events events;
  events.ended = [this](JobId id, Keeper::Ended ended) { OnEnded(id, std::move(ended)); };
  events.changed = [this](bool) { PumpSoon(); };
  events.troubled = [this, name](const std::string& trouble) {
    if (trouble.empty()) return log_.Write(observe::Level::kInfo, "program", {{"profile", name}, {"state", "serves"}});
    log_.Write(observe::Level::kError, "program", {{"profile", name}, {"state", "does not serve"}, {"error", trouble}});
  };
  if (config.is_program()) return std::shared_ptr<Keeper>(std::make_shared<ZygoteKeeper>(loop_, name, config, std::move(events)));
  return std::shared_ptr<Keeper>(MOAT_TRY(JailKeeper::Make(loop_, filters_, name, config, std::move(events))));
}

Status Dispatcher::Configure(const Config& config) {
  std::map<std::string, Room> rooms;
  for (const auto& [name, profile] : config.profiles) {
    const auto before = rooms_.find(name);
    const bool same = before != rooms_.end() && SameKeeper(before->second.config, profile);
    Room room{profile, same ? before->second.keeper : MOAT_TRY(MakeKeeper(name, profile))};
    rooms.emplace(name, std::move(room));
  }
  admission_.SetMachine(BoundsOf(config));
  for (auto& [name, room] : rooms_) {
    const auto after = rooms.find(name);
    if (after == rooms.end()) admission_.Retire(name);
    if (after == rooms.end() || after->second.keeper != room.keeper) old_keepers_.push_back(room.keeper);
    // What waits in a profile that is going is still its keeper's.
    if (after == rooms.end() && admission_.Figures(name) != nullptr) rooms.emplace(name, room);
  }
  for (const auto& [name, profile] : config.profiles) admission_.SetProfile(name, profile.bounds);
  rooms_ = std::move(rooms);
  PumpSoon();
  return {};
}

JobId Dispatcher::Submit(Submission submission, Complete complete) {
  const JobId id = ++last_id_;
  Pending& pending = jobs_[id];
  pending.submission = std::move(submission);
  pending.complete = std::move(complete);
  pending.arrived = loop_.now();
  const Submission& its = pending.submission;
  const auto room = rooms_.find(its.profile);
  if (room != rooms_.end()) {
    if (std::string why = room->second.keeper->Check(its); !why.empty()) {
      CompleteSoon(id, Invalid(std::move(why)));
      return id;
    }
    pending.idempotent = room->second.config.idempotent;
  }
  pool::Application application{id, its.profile, its.caller, its.priority, {}};
  if (its.start_within) application.start_by = loop_.now() + *its.start_within;
  const pool::Decision decision = admission_.Apply(application, loop_.now());
  if (decision.admitted()) {
    Pump();
    return id;
  }
  Completion completion;
  completion.outcome = Outcome::kRefused;
  completion.refusal = decision.refusal;
  completion.retry_after = decision.retry_after;
  completion.why = InWords(decision.refusal);
  CompleteSoon(id, std::move(completion));
  return id;
}

void Dispatcher::CompleteSoon(JobId id, Completion completion) {
  loop_.Defer([this, id, kept = std::make_shared<Completion>(std::move(completion))] {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    Pending pending = std::move(found->second);
    jobs_.erase(found);
    remover_.Take(pending.submission.TakeDescriptors());
    kept->waited = pending.begun == Time(0) ? loop_.now() - pending.arrived : pending.begun - pending.arrived;
    // Whoever waits comes first; what is told needs no answer.
    Completion told;
    told.outcome = kept->outcome;
    told.refusal = kept->refusal;
    told.why = kept->why;
    told.report = kept->report;
    told.waited = kept->waited;
    pending.complete(std::move(*kept));
    Tell(id, pending, told);
    RetireIdleKeepers();
    TellIfDrained();
  });
}

std::string Dispatcher::NameOf(JobId id) const { return run_ + "-" + std::to_string(id); }

// What a client says is only ever a value in the log, and never a label of a metric.
void Dispatcher::Tell(JobId id, const Pending& pending, const Completion& completion) const {
  const Submission& its = pending.submission;
  std::string ending = "cancelled", why = completion.why;
  switch (completion.outcome) {
    case Outcome::kDone:
      if (pending.begun != Time(0)) return TellRun(id, pending, completion);
      why = completion.report.detail;
      break;
    case Outcome::kRefused: ending = "refused"; break;
    case Outcome::kExpired: ending = "expired"; break;
    case Outcome::kInvalid: ending = "invalid"; break;
  }
  if (completion.outcome == Outcome::kRefused) {
    metrics_.CountRefusal(serve::NameOf(completion.refusal));
  } else if (completion.outcome == Outcome::kInvalid) {
    metrics_.CountRefusal("invalid");
  } else {
    metrics_.CountNotStarted(its.profile, ending);
  }
  observe::TellNotStarted(log_, {NameOf(id), its.profile, its.caller, its.label, its.pid}, ending, why);
}

void Dispatcher::TellRun(JobId id, const Pending& pending, const Completion& completion) const {
  const Submission& its = pending.submission;
  const auto queued = static_cast<std::uint64_t>(completion.waited.count());
  metrics_.CountJob(its.profile, completion.report);
  metrics_.Observe(its.profile, observe::Phase::kQueue, queued);
  metrics_.Observe(its.profile, observe::Phase::kRun, static_cast<std::uint64_t>((loop_.now() - pending.begun).count()));
  observe::TellEnd(log_, {NameOf(id), its.profile, its.caller, its.label, its.pid}, completion.report, queued);
}

void Dispatcher::PumpSoon() {
  if (std::exchange(pumping_, true)) return;
  loop_.Defer([this] {
    pumping_ = false;
    Pump();
  });
}

void Dispatcher::Pump() {
  for (auto& [name, room] : rooms_) admission_.Pause(name, room.keeper->CanRun() ? pool::Pausing::kNo : pool::Pausing::kYes);
  while (const auto id = admission_.Next(loop_.now())) Begin(*id);
  SetExpiryTimer();
}

void Dispatcher::Begin(JobId id) {
  Pending& pending = jobs_.at(id);
  Room& room = rooms_.at(pending.submission.profile);
  pending.keeper = room.keeper;
  pending.begun = loop_.now();
  room.keeper->Begin(id, pending.submission);
  if (!room.keeper->CanRun()) admission_.Pause(pending.submission.profile, pool::Pausing::kYes);
}

void Dispatcher::OnEnded(JobId id, Keeper::Ended ended) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  Pending& pending = found->second;
  pending.keeper.reset();
  const bool lost = ended.begun && ended.report.cause == Cause::kWorkerLost && pending.idempotent && !pending.retried;
  const bool may_begin = !ended.begun && ++pending.attempts < kMostAttempts;
  const bool again = !pending.cancelled && (may_begin || (lost && Restore(pending.submission)));
  if (again) {
    pending.retried = pending.retried || lost;
    admission_.PutBack(id);
    // What was short a moment ago is short still.
    loop_.At(loop_.now() + kPause, [this] { PumpSoon(); });
    return;
  }
  if (!ended.begun) {
    ended.report.version = MOAT_VERSION;
    ended.report.cause = pending.cancelled ? Cause::kCancelled : Cause::kWorkerLost;
    ended.report.detail = pending.cancelled ? "cancelled before it began" : "no worker could be had for it; nothing has run";
  }
  if (pending.retried) ended.report.hints.emplace_back("it is the second attempt: the first worker was lost");
  admission_.Finished(id, loop_.now());
  Completion completion;
  completion.report = std::move(ended.report);
  completion.answer = std::move(ended.answer);
  CompleteSoon(id, std::move(completion));
  Pump();
}

void Dispatcher::Cancel(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || std::exchange(found->second.cancelled, true)) return;
  if (found->second.keeper != nullptr) return found->second.keeper->Cancel(id);
  if (!admission_.Cancel(id)) return;  // on its way out already
  Completion completion;
  completion.report.cause = Cause::kCancelled;
  completion.report.version = MOAT_VERSION;
  completion.report.detail = "cancelled while it waited";
  CompleteSoon(id, std::move(completion));
}

void Dispatcher::OnExpired() {
  for (const JobId id : admission_.Expired(loop_.now())) {
    Completion completion;
    completion.outcome = Outcome::kExpired;
    completion.why = "it waited too long and was not started";
    CompleteSoon(id, std::move(completion));
  }
}

void Dispatcher::SetExpiryTimer() {
  OnExpired();
  const auto next = admission_.NextExpiry();
  // One timer that is early is as good as one that is exact.
  if (!next || (expiry_timer_ != 0 && expiry_at_ <= *next)) return;
  loop_.Drop(expiry_timer_);
  expiry_at_ = *next;
  expiry_timer_ = loop_.At(*next, [this] {
    expiry_timer_ = 0;
    Pump();
  });
}

void Dispatcher::RetireIdleKeepers() {
  std::erase_if(old_keepers_, [](const std::shared_ptr<Keeper>& keeper) { return keeper.use_count() == 1; });
  std::erase_if(rooms_, [this](const auto& room) { return admission_.Figures(room.first) == nullptr; });
}

void Dispatcher::Drain(std::function<void()> done) {
  drained_ = std::move(done);
  admission_.Drain();
  loop_.Defer([this] { TellIfDrained(); });
}

void Dispatcher::TellIfDrained() {
  if (jobs_.empty() && drained_) std::exchange(drained_, nullptr)();
}

void Dispatcher::CancelAll() {
  std::vector<JobId> ids;
  for (const auto& [id, pending] : jobs_) ids.push_back(id);
  for (const JobId id : ids) Cancel(id);
}

void Dispatcher::NoteLoad() const {
  std::vector<observe::ProfileLoad> load;
  for (const auto& [name, room] : rooms_) {
    const pool::QueueFigures* queue = admission_.Figures(name);
    const KeeperFigures keeper = room.keeper->figures();
    const pool::QueueFigures none;
    load.push_back({name, (queue != nullptr ? queue : &none)->waiting, (queue != nullptr ? queue : &none)->running, room.config.bounds.running, keeper.misses});
    metrics_.SetPrepared(name, keeper.ready, keeper.restarts);
  }
  metrics_.SetLoad(load);
}

}  // namespace moat::serve
