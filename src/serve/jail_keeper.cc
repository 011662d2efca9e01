#include "serve/jail_keeper.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/units.h"
#include "pool/worker.h"
#include "run/report_words.h"
#include "sys/calls.h"

namespace moat::serve {
namespace {

// A warm jail is used for ten seconds, and replaced from a quarter of that on.
constexpr Time kWarmAgain = std::chrono::seconds(4);

bool Mentions(const std::vector<std::string>& words, const std::string& what) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return word.find(what) != std::string::npos; });
}

// As callers' own that have no names; as many as the command speaks of.
std::vector<std::string> NamesOfInputs(const ProfileConfig& config) {
  if (!config.inputs.empty()) return config.inputs;
  constexpr unsigned kMost = 16;
  unsigned count = Mentions(config.command, "{in}") ? 1 : 0;
  for (unsigned i = 1; i <= kMost; ++i) {
    if (Mentions(config.command, "{in" + std::to_string(i) + "}")) count = i;
  }
  std::vector<std::string> names;
  for (unsigned i = 1; i <= count; ++i) names.push_back("input-" + std::to_string(i));
  return names;
}

Result<Policy> LoadPolicy(const ProfileConfig& config) {
  Policy policy = MOAT_TRY(Policy::Load(config.policy));
  if (policy.enforced_share() < 100) {
    return WithFix(PolicyError("`enforce` of `" + policy.name() + "` is a share of the jobs, and a daemon enforces all of them"),
                   "roll it out by `moat run`, or take `enforce` out of the policy");
  }
  if (config.wall) MOAT_TRY(policy.Set("wall", base::FormatDuration(config.wall->count())));
  if (config.memory) MOAT_TRY(policy.Set("memory", base::FormatSize(*config.memory)));
  if (config.cpu_seconds) MOAT_TRY(policy.Set("cpu", std::to_string(*config.cpu_seconds) + "s"));
  if (config.file_size) MOAT_TRY(policy.Set("file_size", base::FormatSize(*config.file_size)));
  return policy;
}

// What the jail says is written there by us, with our rights and in our name: never to a file whose writing is an order
// to the kernel, nor to a socket that tells with each message who sent it.
bool TellsSender(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM;
}

std::string CheckStreams(const Submission& submission) {
  std::vector<int> outputs;
  for (const sys::Fd& fd : submission.outputs) outputs.push_back(fd.get());
  pool::WorkerOrder order;
  order.outputs = outputs;
  order.log = submission.log.get();
  if (TellsSender(order.log) || std::any_of(outputs.begin(), outputs.end(), TellsSender)) return "a socket of messages is no output of a program in a jail";
  const Status good = pool::CheckWorkerOrder(order);
  return good.ok() ? "" : good.error().ToString();
}

// On the thread of the job.
Install AwaitTurn(FilterRate& filters, const CancelToken& cancel) {
  const Time now(sys::NowNs());
  const Time at = filters.Next(now);
  if (at <= now) return Install::kYes;
  struct pollfd cancelled{cancel.descriptor(), POLLIN, 0};  // poll skips a negative one
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(at - now);
  return poll(&cancelled, 1, static_cast<int>(wait.count())) > 0 ? Install::kNo : Install::kYes;
}

SandboxOptions OptionsFor(FilterRate& filters) {
  SandboxOptions options;
  options.before_filter = [&filters](const CancelToken& cancel) { return AwaitTurn(filters, cancel); };
  return options;
}

}  // namespace

Result<std::unique_ptr<JailKeeper>> JailKeeper::Make(Loop& loop, FilterRate& filters, std::string name, const ProfileConfig& config, Events events) {
  auto policy = LoadPolicy(config);
  if (!policy.ok()) {
    Error error = std::move(policy).error();
    if (error.origin.empty()) error.origin = config.origin;
    return error;
  }
  std::unique_ptr<JailKeeper> keeper(new JailKeeper(loop, filters, std::move(name), config, std::move(*policy), std::move(events)));
  if (Status started = keeper->Start(); !started.ok()) return WithOrigin(std::move(started).error(), config.origin);
  return keeper;
}

JailKeeper::JailKeeper(Loop& loop, FilterRate& filters, std::string name, const ProfileConfig& config, Policy policy, Events events)
    : loop_(loop), name_(std::move(name)), config_(config), warm_inputs_(NamesOfInputs(config)),
      warm_collects_(Mentions(config.command, "{out}")), events_(std::move(events)), sandbox_(std::move(policy), OptionsFor(filters)) {}

// Where there is no room for another thread, none of them stays.
Status JailKeeper::Start() {
  try {
    for (unsigned i = 0; i < config_.bounds.running; ++i) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error& error) {
    return SystemError("pthread_create", error.code().value(), "a thread for each job at once");
  }
  if (config_.ready != 0) KeepReady();
  return {};
}

// Jobs have a helper's next jail made behind them; this is for the first ones, and for those after a pause.
void JailKeeper::KeepReady() {
  warm_timer_ = loop_.At(loop_.now() + kWarmAgain, [this] { KeepReady(); });
  if (busy_.empty()) AddTask(Task{0, Expected()});
}

// A job as the command alone tells it.
Command JailKeeper::Expected() const {
  Command command;
  command.argv = config_.command;
  if (config_.warm == Warm::kNo) return command;
  command.warm = config_.warm;
  command.environment = config_.environment;
  for (const std::string& name : warm_inputs_) command.inputs.push_back({name, name});
  if (warm_collects_) command.output_dir = "/";  // somewhere: nothing is collected without a job
  return command;
}

void JailKeeper::AddTask(Task task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  more_.notify_one();
}

JailKeeper::~JailKeeper() {
  *alive_ = false;
  loop_.Drop(warm_timer_);
  for (auto& [id, busy] : busy_) {
    loop_.Drop(busy.wall);
    busy.cancel.Cancel();
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
    tasks_.clear();
  }
  more_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::string JailKeeper::Check(const Submission& submission) const {
  if (!submission.arguments.empty() && !config_.takes_arguments) return "profile " + name_ + " takes no arguments";
  if (submission.outputs.size() > 1) return "a program in a jail has one output, its standard output; give a folder for more";
  if (!submission.input_names.empty() && submission.input_names.size() != submission.inputs.size()) return "names for other inputs than there are";
  return CheckStreams(submission);
}

// Its program has begun with what the profile says. A job that says more starts as without.
bool JailKeeper::FitsWarm(const Submission& submission) const {
  return config_.warm != Warm::kNo && submission.arguments.empty() && submission.inputs.size() == warm_inputs_.size() &&
         submission.folder.valid() == warm_collects_;
}

Command JailKeeper::CommandFor(const Submission& submission) const {
  const bool warm = FitsWarm(submission);
  Command command;
  command.argv = config_.command;
  command.argv.insert(command.argv.end(), submission.arguments.begin(), submission.arguments.end());
  for (std::size_t i = 0; i < submission.inputs.size(); ++i) {
    const std::string name = warm ? warm_inputs_[i] : submission.input_names.empty() ? "input-" + std::to_string(i + 1) : submission.input_names[i];
    command.inputs.push_back({name, name, submission.inputs[i].get()});
  }
  command.environment = config_.environment;
  if (warm) command.warm = config_.warm;
  if (submission.folder.valid()) command.output_descriptor = submission.folder.get();
  if (!submission.request.empty()) command.in = Stream::Text(submission.request);
  command.out = submission.outputs.empty() ? Stream::Capture() : Stream::Descriptor(submission.outputs[0].get());
  command.err = submission.log.valid() ? Stream::Descriptor(submission.log.get()) : Stream::Null();
  return command;
}

void JailKeeper::Begin(JobId id, const Submission& submission) {
  auto cancel = CancelToken::Make();
  if (!cancel.ok()) {
    loop_.Defer([this, alive = alive_, id] {
      if (*alive) events_.ended(id, {false, {}, {}});
    });
    return;
  }
  Task task{id, CommandFor(submission)};
  task.command.cancel = *cancel;
  Busy& busy = busy_[id];
  busy.cancel = *cancel;
  if (submission.wall) {
    busy.limit = *submission.wall;
    busy.wall = loop_.At(loop_.now() + busy.limit, [this, id] {
      Busy& late = busy_.at(id);
      late.timed_out = true;
      late.cancel.Cancel();
    });
  }
  AddTask(std::move(task));
}

void JailKeeper::Work() {
  for (;;) {
    Task task;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      more_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
      if (closing_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    if (task.id == 0) {
      // What goes wrong here goes wrong for the first job as well, which tells it.
      (void)sandbox_.Prepare(task.command, std::min(config_.ready, config_.bounds.running)).ok();
      continue;
    }
    auto ended = std::make_shared<Ended>(RunTask(task));
    loop_.Post([this, alive = alive_, id = task.id, ended] {
      if (*alive) OnEnded(id, std::move(*ended));
    });
  }
}

Keeper::Ended JailKeeper::RunTask(const Task& task) {
  Ended ended;
  auto outcome = sandbox_.Run(task.command);
  if (outcome.ok()) {
    ended.report = std::move(outcome->report);
    if (config_.warm != Warm::kNo && ended.report.warm.empty()) ended.report.warm = "cold";
    ended.answer = std::move(outcome->out);
    return ended;
  }
  ended.report.version = MOAT_VERSION;
  ended.report.cause = Cause::kSetup;
  ended.report.detail = outcome.error().ToString();
  ended.report.setup = SetupFailure{"start", outcome.error().call, outcome.error().error_number, outcome.error().subject,
                                    outcome.error().origin, ended.report.detail};
  return ended;
}

void JailKeeper::OnEnded(JobId id, Ended ended) {
  const auto found = busy_.find(id);
  if (found == busy_.end()) return;
  loop_.Drop(found->second.wall);
  if (found->second.timed_out && ended.report.cause == Cause::kCancelled) {
    ended.report.cause = Cause::kWall;
    ended.report.limits_hit.emplace_back("wall");
    const std::size_t more = ended.report.detail.find("; ");  // who is left, say
    const std::string rest = more == std::string::npos ? "" : ended.report.detail.substr(more);
    ended.report.detail = "wall clock limit of " + run::DurationInWords(static_cast<std::uint64_t>(found->second.limit.count())) + " reached" + rest;
  }
  busy_.erase(found);
  events_.ended(id, std::move(ended));
}

void JailKeeper::Cancel(JobId id) {
  const auto found = busy_.find(id);
  if (found != busy_.end()) found->second.cancel.Cancel();
}

KeeperFigures JailKeeper::figures() const {
  KeeperFigures figures;
  figures.ready = config_.bounds.running - std::min(config_.bounds.running, static_cast<unsigned>(busy_.size()));
  return figures;
}

}  // namespace moat::serve
