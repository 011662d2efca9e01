#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/errno_name.h"
#include "base/safe_text.h"
#include "base/text.h"
#include "base/units.h"
#include "run/collect.h"
#include "run/groups.h"
#include "run/inputs.h"
#include "run/check_plan.h"
#include "run/job.h"
#include "run/kept_plan.h"
#include "run/live_plan.h"
#include "run/newborn.h"
#include "run/privilege.h"
#include "run/spawn.h"
#include "run/streams.h"
#include "run/supervise.h"
#include "run/verdict.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

// All signals blocked for the life of the job: the child must never run a handler of ours,
// and we take them from a descriptor.
class BlockedSignals {
 public:
  BlockedSignals() {
    // A caller that ignores SIGCHLD would have the kernel reap the job before we can.
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &standard, &child_before_);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before_);
    sigset_t taken;
    sigemptyset(&taken);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH}) sigaddset(&taken, number);
    fd_ = sys::Fd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~BlockedSignals() {
    sigprocmask(SIG_SETMASK, &before_, nullptr);
    sigaction(SIGCHLD, &child_before_, nullptr);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  const sys::Fd& fd() const { return fd_; }

 private:
  sigset_t before_;
  struct sigaction child_before_ {};
  sys::Fd fd_;
};

// The folder that results go to: made when it is missing, and held before the job starts, so
// that a wrong path is told at once.
Result<sys::Fd> OpenOutput(const Job& job) {
  if (job.output_fd >= 0) {
    const int copy = fcntl(job.output_fd, F_DUPFD_CLOEXEC, 3);
    return copy >= 0 ? Result<sys::Fd>(sys::Fd(copy)) : SystemError("fcntl", errno, "the output folder");
  }
  if (job.output_dir.empty()) return sys::Fd();
  if (mkdir(job.output_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    return WithOrigin(SystemError("mkdir", errno, job.output_dir), {"command line", 0, 0});
  }
  auto folder = sys::openat2(AT_FDCWD, job.output_dir.c_str(), O_RDONLY | O_DIRECTORY, uapi::kResolveNoMagiclinks);
  if (!folder.ok()) return WithOrigin(std::move(folder).error(), {"command line", 0, 0});
  return folder;
}

constexpr const char* kInherited = ", inherited from the pool's spawner";

constexpr const char* kHandedOn = "empty, of the pool's spawner";

void ListLayers(Report& report, const LivePlan& plan) {
  const auto* rows = plan.Rows<abi::LayerRow>(plan.header().layers);
  for (abi::Index i = 0; i < plan.header().layer_count; ++i) {
    const bool failed = (const_cast<LivePlan&>(plan).shared().degraded_layers >> (i & 63) & 1) != 0;
    Layer layer{std::string(plan.Text(rows[i].name)), std::string(plan.Text(rows[i].detail))};
    if (plan.inherits() && layer.name == "seccomp") layer.detail += kInherited;
    if (const_cast<LivePlan&>(plan).slots().network >= 0 && layer.name == "network namespace") layer.detail += kHandedOn;
    const bool enforced = rows[i].state == abi::LayerState::kEnforced && !failed;
    (enforced ? report.enforced : report.degraded).push_back(std::move(layer));
  }
}

void Describe(Report& report, const CheckedPlan& plan) {
  const abi::Header header = plan.header();
  report.policy_name = plan.Text(header.policy_name);
  report.policy_hash = header.policy_hash;
  report.host = plan.Text(header.host_facts);
  report.version = MOAT_VERSION;
  // Whoever divides jobs has sent the others elsewhere.
  if (header.enforce < abi::kEnforceAll) report.side = "enforced";
}

void Fail(Report& report, SetupFailure failure) {
  report.cause = Cause::kSetup;
  report.detail = failure.message;
  if (failure.error_number != 0) {
    report.detail += ": ";
    if (!failure.call.empty()) report.detail += failure.call + ": ";
    report.detail += std::string(base::ErrnoName(failure.error_number)) + " (" +
                     std::string(base::ErrnoText(failure.error_number)) + ")";
  }
  report.setup = std::move(failure);
}

void FailWith(Report& report, const Error& error, std::string_view stage) {
  SetupFailure failure;
  failure.stage = stage;
  failure.call = error.call;
  failure.error_number = error.error_number;
  failure.subject = error.subject;
  failure.origin = error.origin;
  failure.message = error.ToString();
  report.cause = Cause::kSetup;
  report.detail = failure.message;
  report.setup = std::move(failure);
}

void LookAtScratch(const LivePlan& plan, const abi::Shared& shared, Evidence& evidence) {
  evidence.full = FindFullPlaces(plan, shared);
  const std::uint64_t most = plan.header().limits.file_size;
  const bool failed = evidence.program_done && evidence.program_status != 0;
  evidence.file_at_limit = failed && most != abi::kNone && HoldsFileOf(plan, most);
}

void CollectOutputs(LivePlan& plan, const sys::Fd& folder, const sys::Fd& signals, Report& report, Evidence& evidence) {
  if (!folder.valid() || (plan.header().flags & abi::kHasOutput) == 0) return;
  if (!evidence.left.empty()) {
    report.results_lost = "a process that could not be ended may still write to them";
    return;
  }
  const CollectLimits limits{plan.header().limits.output, plan.header().limits.output_files, {CancelAsked, signals.get()}};
  auto collected = Collect(plan.slots().output_fd, folder.get(), limits);
  if (!collected.ok()) {
    report.results_lost = "they could not be collected: " + collected.error().ToString();
    return;
  }
  report.outputs = std::move(collected->outputs);
  report.refused = std::move(collected->refused);
  evidence.output_exceeded = collected->bytes_exceeded || collected->files_exceeded;
  if (collected->error) report.results_lost = "not all could be written: " + collected->error->ToString();
  if (!collected->interrupted) return;
  if (evidence.stop == Stop::kNo) evidence.stop = Stop::kCancelled;
  if (report.results_lost.empty()) report.results_lost = "collecting was cancelled";
}

// A reader who has gone wanted no more; a disk that is full, or fails, is not the caller's wish.
void NoteLostOutput(const Streams& streams, Report& report) {
  const struct {
    const char* name;
    int error_number;
  } rows[] = {{"standard output", streams.out.failure()}, {"standard error", streams.err.failure()}};
  for (const auto& row : rows) {
    if (row.error_number == 0 || !report.results_lost.empty()) continue;
    report.results_lost = std::string(row.name) + " could not be written: " + SystemError("write", row.error_number).ToString();
  }
}

// What of the job is ready while its pid 1 waits at the gate.
struct Prepared {
  Streams streams;
  Inputs inputs;
};

Status Start(Newborn& newborn, const Job& job, Prepared& prepared) {
  LivePlan& plan = newborn.plan();
  prepared.inputs = MOAT_TRY(Inputs::Open(plan, job));
  if (!newborn.is_warm()) MOAT_TRY(FillArguments(plan, job, prepared.inputs.inside()));
  MOAT_TRY(newborn.Prepare());
  prepared.streams.Connect(newborn.pipes(), job.standard, plan.header().limits);
  return newborn.Launch();
}

// Where the program waited for the job.
std::string_view WarmWord(const abi::Shared& shared) {
  if (shared.warm == 0) return "cold";
  switch (static_cast<abi::WarmStop>(shared.stopped)) {
    case abi::WarmStop::kInput: return "input";
    case abi::WarmStop::kAnother: return "process";
    case abi::WarmStop::kAsked: return "starting";
    case abi::WarmStop::kUnclear: return "unclear";
    default: return "untraced";
  }
}

void Supervised(Newborn& newborn, const Job& job, Prepared& prepared, const sys::Fd& signals, const sys::Fd& output,
                Report& report) {
  LivePlan& plan = newborn.plan();
  // While the job runs, it costs nobody time.
  newborn.CloseUnneeded();
  newborn.OpenCounters();
  if (job.after == Job::After::kEnds) newborn.LeaveMountsToKernel();
  newborn.pipes().CloseGuestEnds();
  prepared.inputs.Close();
  report.inputs = prepared.inputs.files();
  if (job.warm) report.warm = WarmWord(plan.shared());
  Evidence evidence;
  Supervise(newborn, prepared.streams, signals, job.detail, report, evidence);
  if (job.repeatable != nullptr && prepared.streams.in.usage().bytes > 0) *job.repeatable = false;
  ReadCounters(plan, newborn.counters(), job.detail, report, evidence);
  if (job.remains == nullptr) RemoveGroups(plan);  // else once the report is on its way
  const abi::Shared& shared = plan.shared();
  if (shared.state == abi::ChildState::kFailed) {
    Fail(report, DescribeFailure(plan, shared.failed_op, shared.failed_errno));
  } else {
    LookAtScratch(plan, shared, evidence);
    CollectOutputs(plan, output, signals, report, evidence);
    NoteLostOutput(prepared.streams, report);
    evidence.no_more_processes = shared.no_more_processes != 0;
    evidence.filter_kills = (plan.header().flags & abi::kListens) == 0;
    Judge(report, evidence, shared, plan);
    ListLayers(report, plan);
  }
}

Result<Newborn> Birth(const CheckedPlan& plan, const KeptPlan& kept, const Job& job, SetupFailure& failed) {
  if (job.ahead != nullptr) {
    if (auto newborn = job.ahead->Take(kept, job)) {
      if (auto fitted = newborn->plan().Fit(job); !fitted.ok()) {
        newborn->Undo();
        return std::move(fitted).error();
      }
      return std::move(*newborn);
    }
  }
  Spawner* spawner = job.ahead != nullptr ? job.ahead->SpawnerOf(kept) : nullptr;
  LivePlan live = MOAT_TRY(LivePlan::Make(plan, job, spawner != nullptr ? &spawner->berths() : nullptr));
  live.slots().watcher = job.watcher;
  if (job.after == Job::After::kEnds) live.Leak();
  const Over over = job.remains != nullptr ? Over::kTold : Over::kReaped;
  return Newborn::Bear(std::move(live), {job.own_arguments, job.own_arguments_size}, over, failed, spawner);
}

// A failed op has a better description than the error that it became.
void FailToStart(Report& report, const Error& error, const SetupFailure& failed) {
  FailWith(report, error, "start");
  if (!failed.stage.empty()) Fail(report, failed);
}

void RunPrepared(const CheckedPlan& plan, const KeptPlan& kept, const Job& job, const sys::Fd& output, Report& report) {
  const BlockedSignals signals;
  SetupFailure failed;
  auto newborn = Birth(plan, kept, job, failed);
  if (!newborn.ok()) return FailToStart(report, newborn.error(), failed);
  Prepared prepared;
  if (auto start = Start(*newborn, job, prepared); !start.ok()) {
    newborn->child().CallOff(newborn->plan().shared());
    const abi::Shared& shared = newborn->plan().shared();
    if (shared.state == abi::ChildState::kFailed) failed = DescribeFailure(newborn->plan(), shared.failed_op, shared.failed_errno);
    newborn->Undo();
    return FailToStart(report, start.error(), failed);
  }
  Supervised(*newborn, job, prepared, signals.fd(), output, report);
  if (job.after == Job::After::kEnds) return;
  if (job.remains == nullptr) return newborn->Undo();
  job.remains->newborn.emplace(std::move(*newborn));
}

// `kept`: what `job.ahead` knows the plan by.
Report RunChecked(const CheckedPlan& plan, const KeptPlan& kept, const Job& job) {
  Report report;
  Describe(report, plan);
  auto output = OpenOutput(job);
  if (!output.ok()) {
    FailWith(report, output.error(), "output");
    return report;
  }
  if ((plan.header().flags & abi::kOwnNamespace) != 0) {
    if (job.repeatable != nullptr) *job.repeatable = false;
    if (auto entered = EnterOwnNamespace(); !entered.ok()) {
      FailWith(report, entered.error(), "namespace");
      return report;
    }
  }
  RunPrepared(plan, kept, job, *output, report);
  return report;
}

}  // namespace

Report SetupReport(const Error& error, std::string_view stage) {
  Report report;
  report.version = MOAT_VERSION;
  FailWith(report, error, stage);
  return report;
}

Report Run(std::string_view bytes, const Job& job) {
  auto plan = CheckedPlan::Check(bytes);
  return plan.ok() ? RunChecked(*plan, {}, job) : SetupReport(plan.error(), "plan");
}

Report Run(const KeptPlan& plan, const Job& job) { return RunChecked(*plan, plan, job); }

}  // namespace moat::run
