#include "pool/admission.h"

#include <algorithm>
#include <utility>

namespace moat::pool {
namespace {

constexpr unsigned kWeights[kPriorities] = {16, 4, 1};
constexpr Time kLongestRetry = std::chrono::seconds(300), kSecond = std::chrono::seconds(1);

void Decrement(std::map<std::string, unsigned>& counts, const std::string& key) {
  const auto found = counts.find(key);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

unsigned CountOf(const std::map<std::string, unsigned>& counts, const std::string& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

void Admission::SetProfile(const std::string& name, const ProfileBounds& bounds) {
  Profile& profile = profiles_[name];
  // The memory of running jobs is what they were started with: no way to change it under them.
  for (const auto& [id, job] : jobs_) {
    if (job.state != Job::State::kRunning || job.application.profile != name) continue;
    memory_ += bounds.memory;
    memory_ -= profile.bounds.memory;
  }
  profile.bounds = bounds;
  profile.retired = false;
}

void Admission::Retire(const std::string& name) {
  const auto found = profiles_.find(name);
  if (found == profiles_.end()) return;
  found->second.retired = true;
  ForgetIfIdle(name);
}

void Admission::Pause(const std::string& name, Pausing pausing) {
  const auto found = profiles_.find(name);
  if (found != profiles_.end()) found->second.pausing = pausing;
}

void Admission::ForgetIfIdle(const std::string& name) {
  const auto found = profiles_.find(name);
  if (found == profiles_.end() || !found->second.retired) return;
  const QueueFigures& figures = found->second.figures;
  if (figures.waiting == 0 && figures.running == 0) profiles_.erase(found);
}

Time Admission::RetryAfter(const Profile& profile, unsigned ahead) const {
  const std::uint64_t lanes = std::max(1U, std::min(profile.bounds.running, machine_.running));
  const auto mean = static_cast<std::uint64_t>(std::max<std::int64_t>(profile.figures.mean_service.count(), 0));
  const std::uint64_t limit = static_cast<std::uint64_t>(kLongestRetry.count());
  // Where the product would overflow, the answer is the longest time anyhow.
  const std::uint64_t ns = mean != 0 && ahead + 1ULL > limit * lanes / mean ? limit : mean * (ahead + 1ULL) / lanes;
  const auto second = static_cast<std::uint64_t>(kSecond.count());
  const std::uint64_t seconds = std::max<std::uint64_t>(1, (ns + second - 1) / second);
  return std::min(Time(static_cast<std::int64_t>(seconds * second)), kLongestRetry);
}

Decision Admission::Refuse(Profile& profile, Refusal why) const {
  ++profile.figures.refused;
  Decision decision;
  decision.refusal = why;
  if (why == Refusal::kFull || why == Refusal::kCallerFull) {
    decision.retry_after = RetryAfter(profile, profile.figures.waiting);
  }
  return decision;
}

Decision Admission::Apply(const Application& application, Time now) {
  const auto found = profiles_.find(application.profile);
  if (found == profiles_.end()) return {Refusal::kUnknownProfile, {}};
  Profile& profile = found->second;
  if (draining_ || profile.retired) return Refuse(profile, Refusal::kDraining);
  if (profile.bounds.memory > machine_.memory || profile.bounds.running == 0) return Refuse(profile, Refusal::kNeverFits);
  if (application.start_by && *application.start_by <= now) return Refuse(profile, Refusal::kTooLate);
  if (profile.figures.waiting >= profile.bounds.waiting) return Refuse(profile, Refusal::kFull);
  if (CountOf(profile.waiting_of, application.caller) >= profile.bounds.waiting_per_caller) {
    return Refuse(profile, Refusal::kCallerFull);
  }
  Job job;
  job.application = application;
  job.expires = now + profile.bounds.wait;
  if (application.start_by) job.expires = std::min(job.expires, *application.start_by);
  if (!jobs_.emplace(application.id, std::move(job)).second) return Refuse(profile, Refusal::kNeverFits);
  ++profile.figures.admitted;
  Enqueue(profile, application.id, application, false);
  return {};
}

void Admission::Enqueue(Profile& profile, JobId id, const Application& application, bool at_front) {
  const auto priority = static_cast<unsigned>(application.priority);
  Class& its = profile.classes[priority];
  std::deque<JobId>& line = its.waiting[application.caller];
  if (at_front) {
    line.push_front(id);
  } else {
    line.push_back(id);
  }
  its.callers.Add(application.caller);
  profile.priorities.Add(priority);
  turns_.Add(application.profile);
  expiries_.emplace(jobs_.at(id).expires, id);
  ++profile.waiting_of[application.caller];
  ++profile.figures.waiting;
}

// Takes a waiting job out of all that knows it as waiting.
void Admission::Dequeue(Profile& profile, JobId id, const Application& application) {
  const auto priority = static_cast<unsigned>(application.priority);
  Class& its = profile.classes[priority];
  const auto line = its.waiting.find(application.caller);
  line->second.erase(std::find(line->second.begin(), line->second.end(), id));
  if (line->second.empty()) {
    its.waiting.erase(line);
    its.callers.Remove(application.caller);
  }
  if (its.waiting.empty()) profile.priorities.Remove(priority);
  expiries_.erase({jobs_.at(id).expires, id});
  Decrement(profile.waiting_of, application.caller);
  if (--profile.figures.waiting == 0) turns_.Remove(application.profile);
}

bool Admission::MayRun(const Profile& profile, const std::string& caller) const {
  return CountOf(profile.running_of, caller) < profile.bounds.running_per_caller;
}

bool Admission::HasTurn(const Profile& profile) const {
  if (profile.pausing == Pausing::kYes || profile.figures.running >= profile.bounds.running) return false;
  return std::any_of(profile.classes.begin(), profile.classes.end(), [&](const Class& its) {
    return its.callers.First([&](const std::string& caller) { return MayRun(profile, caller); }) != nullptr;
  });
}

std::optional<Admission::Choice> Admission::Choose() const {
  Choice choice;
  choice.profile = turns_.First([&](const std::string& name) { return HasTurn(profiles_.at(name)); });
  if (choice.profile == nullptr) return std::nullopt;
  const Profile& profile = profiles_.at(*choice.profile);
  // Whose turn it is waits for its memory, and with it everybody: else small ones would pass it for ever.
  if (profile.bounds.memory > machine_.memory - std::min(machine_.memory, memory_)) return std::nullopt;
  const auto may = [&](const std::string& caller) { return MayRun(profile, caller); };
  const unsigned* priority = profile.priorities.First([&](unsigned each) { return profile.classes[each].callers.First(may) != nullptr; });
  if (priority == nullptr) return std::nullopt;
  choice.priority = *priority;
  choice.caller = profile.classes[*priority].callers.First(may);
  return choice;
}

JobId Admission::Take(const Choice& choice, Time now) {
  const std::string name = *choice.profile, caller = *choice.caller;
  Profile& profile = profiles_.at(name);
  Class& its = profile.classes[choice.priority];
  const JobId id = its.waiting.at(caller).front();
  Job& job = jobs_.at(id);
  turns_.Served(name);
  profile.priorities.Served(choice.priority, kWeights[choice.priority]);
  its.callers.Served(caller);
  Dequeue(profile, id, job.application);
  job.state = Job::State::kRunning;
  job.started = now;
  ++running_;
  memory_ += profile.bounds.memory;
  ++profile.figures.running;
  ++profile.running_of[caller];
  return id;
}

std::optional<JobId> Admission::Next(Time now) {
  Sweep(now);
  if (running_ >= machine_.running) return std::nullopt;
  const auto choice = Choose();
  if (!choice) return std::nullopt;
  return Take(*choice, now);
}

void Admission::Sweep(Time now) {
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    const JobId id = expiries_.begin()->second;
    const Application application = jobs_.at(id).application;
    Profile& profile = profiles_.at(application.profile);
    Dequeue(profile, id, application);
    jobs_.erase(id);
    ++profile.figures.expired;
    overdue_.push_back(id);
    ForgetIfIdle(application.profile);
  }
}

std::vector<JobId> Admission::Expired(Time now) {
  Sweep(now);
  return std::exchange(overdue_, {});
}

bool Admission::Cancel(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.state != Job::State::kWaiting) return false;
  const Application application = found->second.application;
  Profile& profile = profiles_.at(application.profile);
  Dequeue(profile, id, application);
  jobs_.erase(found);
  ++profile.figures.cancelled;
  ForgetIfIdle(application.profile);
  return true;
}

void Admission::Finished(JobId id, Time now) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.state != Job::State::kRunning) return;
  const std::string name = found->second.application.profile;
  Profile& profile = profiles_.at(name);
  const Time service = std::max(now - found->second.started, Time(0));
  Time& mean = profile.figures.mean_service;
  mean = profile.figures.finished == 0 ? service : mean + (service - mean) / 8;
  ++profile.figures.finished;
  --profile.figures.running;
  Decrement(profile.running_of, found->second.application.caller);
  --running_;
  memory_ -= profile.bounds.memory;
  jobs_.erase(found);
  ForgetIfIdle(name);
}

void Admission::PutBack(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.state != Job::State::kRunning) return;
  Job& job = found->second;
  Profile& profile = profiles_.at(job.application.profile);
  --profile.figures.running;
  Decrement(profile.running_of, job.application.caller);
  --running_;
  memory_ -= profile.bounds.memory;
  job.state = Job::State::kWaiting;
  Enqueue(profile, id, job.application, true);
}

std::optional<Time> Admission::NextExpiry() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->first;
}

const QueueFigures* Admission::Figures(const std::string& profile) const {
  const auto found = profiles_.find(profile);
  return found == profiles_.end() ? nullptr : &found->second.figures;
}

}  // namespace moat::pool
