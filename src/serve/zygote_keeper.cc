#include "serve/zygote_keeper.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/safe_text.h"

namespace moat::serve {
namespace {

using pool::Worker;
using pool::WorkerEnd;
using pool::WorkerStop;

// For words that are on their way when they are waited for.
constexpr int kPatienceMs = 5'000;
// Between starts of a program that does not stay: doubles, up to this.
constexpr Time kFirstPause = std::chrono::milliseconds(50), kLongestPause = std::chrono::seconds(30);
constexpr Time kDefaultWall = std::chrono::seconds(60);
constexpr Time kTimeToStart = std::chrono::seconds(60);

}  // namespace

ZygoteKeeper::ZygoteKeeper(Loop& loop, std::string name, const ProfileConfig& config, Events events)
    : loop_(loop), name_(std::move(name)), config_(config), events_(std::move(events)) {
  limits_.memory = config_.memory.value_or(pool::WorkerLimits{}.memory);
  limits_.cpu_seconds = config_.cpu_seconds.value_or(limits_.cpu_seconds);
  limits_.file_size = config_.file_size.value_or(limits_.file_size);
  StartZygote();
}

ZygoteKeeper::~ZygoteKeeper() {
  *alive_ = false;
  loop_.Drop(restart_);
  for (auto& [id, busy] : busy_) {
    loop_.Drop(busy.wall);
    loop_.Unwatch(busy.worker.channel());
    // Its number may be on its way: without it, nobody could be killed.
    Attend(busy);
  }
  busy_.clear();
  StopZygote();
}

void ZygoteKeeper::StartZygote() {
  restart_ = 0;
  auto zygote = pool::Zygote::Start({config_.program, config_.environment, 2});
  if (!zygote.ok()) return Trouble(zygote.error());
  zygote_ = std::move(*zygote);
  served_ = 0;
  Status watched = loop_.Watch(zygote_->socket(), EPOLLIN, [this](std::uint32_t) { OnZygote(); });
  if (!watched.ok()) return Trouble(watched.error());
  // One that loads for ever is no better than one that ends.
  restart_ = loop_.At(loop_.now() + kTimeToStart, [this] { Trouble(HostError("the program does not begin to serve")); });
}

void ZygoteKeeper::StopZygote() {
  for (Worker& worker : parked_) {
    loop_.Unwatch(worker.channel());
    if (zygote_ != nullptr) (void)zygote_->Attend(worker, kPatienceMs).ok();
  }
  parked_.clear();
  if (zygote_ == nullptr) return;
  loop_.Unwatch(zygote_->socket());
  zygote_.reset();  // those who are busy hold it until they are done
}

void ZygoteKeeper::Trouble(const Error& error) {
  loop_.Drop(restart_);
  StopZygote();
  figures_.trouble = base::Printable(error.ToString());
  events_.troubled(figures_.trouble);
  ++figures_.restarts;
  const Time pause = std::min<Time>(kLongestPause, kFirstPause * (1LL << std::min(failures_++, 20U)));
  restart_ = loop_.At(loop_.now() + pause, [this] { StartZygote(); });
  events_.changed(false);
}

void ZygoteKeeper::OnZygote() {
  const bool was_ready = zygote_->ready();
  Status heard = zygote_->Listen();
  if (!heard.ok()) return Trouble(heard.error());
  if (was_ready || !zygote_->ready()) return;
  loop_.Drop(restart_);
  restart_ = 0;
  if (!std::exchange(figures_.trouble, "").empty()) events_.troubled("");
  Refill();
  events_.changed(true);
}

void ZygoteKeeper::Refill() {
  refilling_ = false;
  if (!CanRun() || parked_.size() >= config_.ready) return;
  OrderWorkers(config_.ready - static_cast<unsigned>(parked_.size()));
}

void ZygoteKeeper::OrderWorkers(unsigned count) {
  auto workers = zygote_->Spawn(count);
  if (!workers.ok()) {
    // A full socket: the zygote is behind, and has enough to do. Descriptors may be short for a moment.
    if (workers.error().error_number == EPIPE) Trouble(workers.error());
    return;
  }
  for (Worker& worker : *workers) {
    const int channel = worker.channel();
    if (!loop_.Watch(channel, 0, [this, channel](std::uint32_t) { OnParked(channel); }).ok()) continue;
    parked_.push_back(std::move(worker));
  }
}

// A parked one has ended: it was killed, or never born.
void ZygoteKeeper::OnParked(int channel) {
  const auto found = std::find_if(parked_.begin(), parked_.end(), [&](const Worker& each) { return each.channel() == channel; });
  loop_.Unwatch(channel);
  if (found == parked_.end()) return;
  (void)zygote_->Attend(*found, kPatienceMs).ok();
  (void)found->Finish();
  parked_.erase(found);
  // Not at once: whatever ended this one may end the next.
  if (refilling_) return;
  refilling_ = true;
  loop_.At(loop_.now() + kFirstPause, [this, alive = alive_] {
    if (*alive) Refill();
  });
}

std::string ZygoteKeeper::Check(const Submission& submission) const {
  if (!submission.arguments.empty() && !config_.takes_arguments) return "profile " + name_ + " takes no arguments";
  if (submission.folder.valid()) return "profile " + name_ + " collects no folder: give outputs";
  std::vector<int> inputs, outputs;
  for (const sys::Fd& fd : submission.inputs) inputs.push_back(fd.get());
  for (const sys::Fd& fd : submission.outputs) outputs.push_back(fd.get());
  const Status good = pool::CheckWorkerOrder({submission.request, inputs, outputs, submission.log.get(), limits_, submission.arguments,
                                               submission.input_names});
  return good.ok() ? "" : good.error().ToString();
}

bool ZygoteKeeper::TakeWorker(Busy& busy) {
  if (parked_.empty()) {
    ++figures_.misses;
    OrderWorkers(1);
  }
  if (parked_.empty()) return false;
  busy.worker = std::move(parked_.front());
  busy.zygote = zygote_;
  parked_.pop_front();
  return true;
}

Status ZygoteKeeper::GiveJob(Busy& busy, const Submission& submission) {
  std::array<int, kMaxWorkerInputs> inputs;
  std::array<int, kMaxWorkerOutputs> outputs;
  for (std::size_t i = 0; i < submission.inputs.size(); ++i) inputs[i] = submission.inputs[i].get();
  for (std::size_t i = 0; i < submission.outputs.size(); ++i) outputs[i] = submission.outputs[i].get();
  return busy.worker.Give({submission.request, {inputs.data(), submission.inputs.size()},
                           {outputs.data(), submission.outputs.size()}, submission.log.get(), limits_, submission.arguments, submission.input_names});
}

void ZygoteKeeper::Begin(JobId id, const Submission& submission) {
  Busy busy;
  // A parked worker may have been killed just now: then the next.
  for (;;) {
    if (!TakeWorker(busy)) return Report(id, {false, {}, {}});
    if (GiveJob(busy, submission).ok()) break;
    loop_.Unwatch(busy.worker.channel());
    Attend(busy);
    busy.worker.Discard();
  }
  busy.begun = loop_.now();
  busy.submission = &submission;
  busy.facts.limits = pool::Lower(limits_, busy.zygote->hello());
  WatchJob(id, busy_.emplace(id, std::move(busy)).first->second);
  if (++served_ >= config_.jobs_each) {
    StopZygote();
    ++figures_.restarts;
    StartZygote();
    return events_.changed(false);
  }
  if (refilling_ || parked_.size() * 2 > config_.ready) return;
  refilling_ = true;
  loop_.Defer([this, alive = alive_] {
    if (*alive) Refill();
  });
}

void ZygoteKeeper::WatchJob(JobId id, Busy& busy) {
  const Time most = config_.wall.value_or(kDefaultWall);
  const Time wall = busy.submission->wall ? std::min(*busy.submission->wall, most) : most;
  busy.facts.wall_limit_ns = static_cast<std::uint64_t>(wall.count());
  busy.wall = loop_.At(loop_.now() + wall, [this, id] { Stop(id, WorkerStop::kWall); });
  // The hang-up alone: what it says before is read after its end.
  loop_.Hand(busy.worker.channel(), [this, id](std::uint32_t) { OnEnd(id); });
}

bool ZygoteKeeper::Attend(Busy& busy) { return busy.zygote->Attend(busy.worker, kPatienceMs).ok(); }

void ZygoteKeeper::Stop(JobId id, WorkerStop why) {
  const auto found = busy_.find(id);
  if (found == busy_.end() || found->second.facts.stop != WorkerStop::kNo) return;
  found->second.facts.stop = why;
  if (Attend(found->second)) found->second.worker.Kill();  // its end is told like any other
}

void ZygoteKeeper::Cancel(JobId id) { Stop(id, WorkerStop::kCancelled); }

void ZygoteKeeper::OnEnd(JobId id) {
  const auto found = busy_.find(id);
  if (found == busy_.end()) return;
  Busy busy = std::move(found->second);
  busy_.erase(found);
  loop_.Drop(busy.wall);
  loop_.Unwatch(busy.worker.channel());
  Attend(busy);
  const WorkerEnd end = busy.worker.Finish();
  if (!end.started) return Report(id, {false, {}, {}});
  failures_ = 0;
  busy.facts.wall_ns = static_cast<std::uint64_t>((loop_.now() - busy.begun).count());
  Ended ended;
  ended.report = pool::JudgeWorker(end, busy.facts);
  ended.report.policy_name = name_;
  pool::ListWorkerLayers(ended.report, busy.zygote->hello(), busy.facts.limits);
  ended.answer = end.answer;
  Report(id, std::move(ended));
}

void ZygoteKeeper::Report(JobId id, Ended ended) {
  loop_.Defer([this, alive = alive_, id, kept = std::make_shared<Ended>(std::move(ended))] {
    if (*alive) events_.ended(id, std::move(*kept));
  });
}

KeeperFigures ZygoteKeeper::figures() const {
  KeeperFigures figures = figures_;
  figures.ready = static_cast<unsigned>(parked_.size());
  return figures;
}

}  // namespace moat::serve
