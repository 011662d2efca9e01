#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/errno_name.h"
#include "base/safe_text.h"
#include "base/units.h"
#include "run/collect.h"
#include "run/groups.h"
#include "run/inputs.h"
#include "run/job.h"
#include "run/live_plan.h"
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

void ListLayers(Report& report, const LivePlan& plan) {
  const auto* rows = plan.Rows<abi::LayerRow>(plan.header().layers);
  for (abi::Index i = 0; i < plan.header().layer_count; ++i) {
    const bool failed = (const_cast<LivePlan&>(plan).shared().degraded_layers >> (i & 63) & 1) != 0;
    Layer layer{std::string(plan.Text(rows[i].name)), std::string(plan.Text(rows[i].detail))};
    const bool enforced = rows[i].state == abi::LayerState::kEnforced && !failed;
    (enforced ? report.enforced : report.degraded).push_back(std::move(layer));
  }
}

void Describe(Report& report, const LivePlan& plan) {
  report.policy_name = plan.Text(plan.header().policy_name);
  report.policy_hash = plan.header().policy_hash;
  report.host = plan.Text(plan.header().host_facts);
  report.version = MOAT_VERSION;
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

// A scratch file system without room left at the end: the usual reason of "No space left".
void LookAtScratch(const LivePlan& plan, Evidence& evidence) {
  const auto* rows = plan.Rows<abi::ScratchRow>(plan.header().scratches);
  for (abi::Index i = 0; i < plan.header().scratch_count; ++i) {
    struct statfs facts;
    const int fd = plan.Int(rows[i].fd);
    if (fd < 0 || fstatfs(fd, &facts) != 0) continue;
    if (facts.f_bavail != 0 && facts.f_ffree != 0) continue;
    const char* what = facts.f_bavail == 0 ? "" : " (inodes)";
    evidence.full_scratch.push_back(std::string(plan.Text(rows[i].target)) + " " + base::FormatSize(rows[i].size) + what);
  }
}

void CollectOutputs(LivePlan& plan, const sys::Fd& folder, Report& report, Evidence& evidence) {
  if (!folder.valid() || (plan.header().flags & abi::kHasOutput) == 0) return;
  const CollectLimits limits{plan.header().limits.output, plan.header().limits.output_files};
  auto collected = Collect(plan.slots().output_fd, folder.get(), limits);
  if (!collected.ok()) {
    report.hints.push_back("the results could not be collected: " + collected.error().ToString());
    return;
  }
  report.outputs = std::move(collected->outputs);
  report.refused = std::move(collected->refused);
  evidence.output_exceeded = collected->bytes_exceeded || collected->files_exceeded;
  if (collected->error) report.hints.push_back("not all results could be written: " + collected->error->ToString());
}

// What the launcher needs of the plan's descriptors once the job has its copies.
std::vector<abi::Offset> NeededLater(LivePlan& plan) {
  const abi::Header& header = plan.header();
  std::vector<abi::Offset> needed = {header.slots + static_cast<abi::Offset>(offsetof(abi::Slots, output_fd))};
  const auto* scratches = plan.Rows<abi::ScratchRow>(header.scratches);
  for (abi::Index i = 0; i < header.scratch_count; ++i) needed.push_back(scratches[i].fd);
  const auto* groups = plan.Rows<abi::CgroupRow>(header.cgroups);
  for (abi::Index i = 0; i < header.cgroup_count; ++i) {
    needed.push_back(groups[i].parent_fd);
    needed.push_back(groups[i].fd);
  }
  return needed;
}

// Everything that was opened by op is known only to the plan. Closed while the job runs, it
// costs nobody time; mounts must not outlive the job in our hands anyway.
void CloseOpDescriptors(LivePlan& plan, const std::vector<abi::Offset>& except) {
  for (abi::Index i = plan.header().phase_begin[0]; i < plan.header().phase_begin[3]; ++i) {
    const abi::Offset result = plan.op(i).result;
    if (result == 0 || std::find(except.begin(), except.end(), result) != except.end()) continue;
    const std::int32_t fd = plan.Int(result);
    if (fd > 2) uapi::Syscall(__NR_close, fd);
    plan.SetInt(result, -1);
  }
}

Status Start(LivePlan& plan, const Job& job, Streams& streams, Inputs& inputs, Arguments& arguments, sys::Fd& self,
             Started& started) {
  MOAT_TRY(FillIdentity(plan));
  inputs = MOAT_TRY(Inputs::Open(plan, job));
  arguments = MakeArguments(plan, job, inputs.inside());
  const abi::Slots& ids = plan.slots();
  MOAT_TRY(streams.Open(job.standard, static_cast<std::uint32_t>(ids.job_uid), static_cast<std::uint32_t>(ids.job_gid),
                        plan.header().limits));
  for (int i = 0; i < 3; ++i) plan.slots().standard[i] = streams.guest[i].get();
  self = MOAT_TRY(sys::pidfd_open(static_cast<int>(uapi::Syscall(__NR_getpid))));
  plan.slots().launcher_pidfd = self.get();
  started = MOAT_TRY(Spawn(plan, job.network_ahead));
  return {};
}

void RunPrepared(LivePlan& plan, const Job& job, const sys::Fd& output, Report& report) {
  const BlockedSignals signals;
  Streams streams;
  Inputs inputs;
  Arguments arguments;
  sys::Fd self;
  Started started;
  if (auto start = Start(plan, job, streams, inputs, arguments, self, started); !start.ok()) {
    const Error& error = start.error();
    FailWith(report, error, "start");
    const abi::Shared& shared = plan.shared();
    if (shared.state == abi::ChildState::kFailed) Fail(report, DescribeFailure(plan, shared.failed_op, shared.failed_errno));
    RemoveGroups(plan);
    CloseOpDescriptors(plan, {});
    return;
  }
  CloseOpDescriptors(plan, NeededLater(plan));
  streams.CloseGuestEnds();
  inputs.Close();
  Evidence evidence;
  Supervise(plan, started, streams, signals.fd(), report, evidence);
  if (job.repeatable != nullptr && streams.in.usage().bytes > 0) *job.repeatable = false;
  ReadCounters(plan, job.detail, report, evidence);
  RemoveGroups(plan);
  const abi::Shared& shared = plan.shared();
  if (shared.state == abi::ChildState::kFailed) {
    Fail(report, DescribeFailure(plan, shared.failed_op, shared.failed_errno));
  } else {
    LookAtScratch(plan, evidence);
    CollectOutputs(plan, output, report, evidence);
    Judge(report, evidence, plan);
  }
  if (job.after == Job::After::kGoesOn) CloseOpDescriptors(plan, {});
}

}  // namespace

Report SetupReport(const Error& error, std::string_view stage) {
  Report report;
  report.version = MOAT_VERSION;
  FailWith(report, error, stage);
  return report;
}

Report Run(std::string_view bytes, const Job& job) {
  Report report;
  auto plan = LivePlan::Make(bytes, job);
  if (!plan.ok()) return SetupReport(plan.error(), "plan");
  if (job.after == Job::After::kEnds) plan->Leak();
  Describe(report, *plan);
  auto output = OpenOutput(job);
  if (!output.ok()) {
    FailWith(report, output.error(), "output");
    return report;
  }
  if ((plan->header().flags & abi::kOwnNamespace) != 0) {
    if (job.repeatable != nullptr) *job.repeatable = false;
    if (auto entered = EnterOwnNamespace(); !entered.ok()) {
      FailWith(report, entered.error(), "namespace");
      return report;
    }
  }
  RunPrepared(*plan, job, *output, report);
  if (report.cause != Cause::kSetup) ListLayers(report, *plan);
  return report;
}

}  // namespace moat::run
