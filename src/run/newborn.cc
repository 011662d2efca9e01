#include "run/newborn.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include "base/text.h"
#include "run/groups.h"
#include "sys/calls.h"
#include "sys/message.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

// A child that waited longer is not used: what it would show of the host's mounts is out of date.
constexpr std::uint64_t kMaxAgeNs = std::uint64_t{Ahead::kStaleMs} * 1'000'000;
// One that is older is replaced when somebody asks for it ahead of time.
constexpr std::uint64_t kYoungNs = kMaxAgeNs / 4;

// While pid 1 shares the table of descriptors: what it opens then is here too.
bool InOurTable(abi::Phase phase) { return phase != abi::Phase::kSetup && phase != abi::Phase::kProgram; }

// Until the end of the job: counters, file systems to look at, results.
std::vector<abi::Offset> NeededToTheEnd(const abi::Header& header, const LivePlan& plan) {
  std::vector<abi::Offset> needed = {header.slots + static_cast<abi::Offset>(offsetof(abi::Slots, output_fd))};
  const auto* scratches = plan.Rows<abi::ScratchRow>(header.scratches);
  for (abi::Index i = 0; i < header.scratch_count; ++i) needed.push_back(scratches[i].fd);
  const auto* groups = plan.Rows<abi::CgroupRow>(header.cgroups);
  for (abi::Index i = 0; i < header.cgroup_count; ++i) {
    needed.push_back(groups[i].parent_fd);
    needed.push_back(groups[i].made);
    needed.push_back(groups[i].fd);
  }
  return needed;
}

// By the ops that run when there is a job: its inputs' places.
std::vector<abi::Offset> NeededForTheJob(const abi::Header& header, const LivePlan& plan) {
  std::vector<abi::Offset> needed;
  for (abi::Index i = header.phase_begin[static_cast<unsigned>(abi::Phase::kJob)]; i < header.op_count; ++i) {
    const abi::Op& op = plan.op(i);
    for (unsigned a = 0; a < 6; ++a) {
      if (op.kinds[a] == abi::Kind::kInt32) needed.push_back(static_cast<abi::Offset>(op.args[a]));
    }
  }
  return needed;
}

bool Has(const std::vector<abi::Offset>& offsets, abi::Offset offset) {
  return std::find(offsets.begin(), offsets.end(), offset) != offsets.end();
}

// Most were opened one behind the other.
void CloseEach(std::vector<unsigned>& fds) {
  std::sort(fds.begin(), fds.end());
  for (std::size_t i = 0; i < fds.size();) {
    const unsigned first = fds[i];
    unsigned last = first;
    while (++i < fds.size() && fds[i] <= last + 1) last = fds[i];
    uapi::Syscall(__NR_close_range, first, last, 0);
  }
}

}  // namespace

// What was opened by an op is known only to the plan, which pid 1 still reads: nothing is noted in it.
void Newborn::CloseUpTo(Use use) {
  const std::vector<abi::Offset> to_the_end = NeededToTheEnd(plan_.header(), plan_), for_the_job = NeededForTheJob(plan_.header(), plan_);
  std::vector<unsigned> fds;
  for (abi::Index i = 0; i < plan_.header().op_count; ++i) {
    const abi::Op& op = plan_.op(i);
    if (op.result == 0 || !InOurTable(op.phase)) continue;
    const Use last = Has(to_the_end, op.result) ? Use::kCounting : Has(for_the_job, op.result) ? Use::kStarting : Use::kMaking;
    const std::int32_t fd = plan_.Int(op.result);
    if (last > closed_ && last <= use && fd > 2) fds.push_back(static_cast<unsigned>(fd));
  }
  CloseEach(fds);
  closed_ = std::max(closed_, use);
}

Result<Newborn> Newborn::Bear(LivePlan plan, OwnArguments own, Over over, SetupFailure& failed, Spawner* spawner) {
  Newborn newborn(std::move(plan));
  LivePlan& live = newborn.plan_;
  MOAT_TRY(FillIdentity(live));
  newborn.self_ = MOAT_TRY(sys::pidfd_open(static_cast<int>(uapi::Syscall(__NR_getpid))));
  abi::Slots& slots = live.slots();
  slots.launcher_pidfd = newborn.self_.get();
  if (over == Over::kTold && (live.header().flags & abi::kHasOutput) == 0) {
    const int notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (notice < 0) return SystemError("eventfd", errno);
    newborn.notice_ = sys::Fd(notice);
    slots.notice = notice;
  }
  slots.wipe = reinterpret_cast<std::uint64_t>(own.bytes);
  slots.wipe_size = own.size;
  auto child = run::Bear(live, spawner);
  if (!child.ok()) {
    const abi::Shared& shared = live.shared();
    if (shared.state == abi::ChildState::kFailed) failed = DescribeFailure(live, shared.failed_op, shared.failed_errno);
    newborn.Undo();
    return std::move(child).error();
  }
  newborn.child_ = std::move(*child);
  return newborn;
}

Status Newborn::Prepare() {
  if (prepared_) return {};
  prepared_ = true;
  abi::Slots& slots = plan_.slots();
  auto pipes = Pipes::Make(static_cast<std::uint32_t>(slots.job_uid), static_cast<std::uint32_t>(slots.job_gid));
  if (!pipes.ok()) {
    child_.CallOff(plan_.shared());
    return std::move(pipes).error();
  }
  pipes_ = std::move(*pipes);
  for (int i = 0; i < 3; ++i) slots.standard[i] = pipes_.guest[i].get();
  // Before it goes on and makes itself unreadable: then this is root's alone.
  const std::string link = "/proc/" + base::Number(static_cast<std::uint64_t>(child_.pid())) + "/ns/mnt";
  mounts_ = sys::Fd(open(link.c_str(), O_RDONLY | O_CLOEXEC));
  return run::Prepare(plan_, child_);
}

// Behind the last gate but one the child has descriptors of its own.
void Newborn::Tidy() {
  if (closed_ != Use::kNone || __atomic_load_n(&plan_.shared().told, __ATOMIC_ACQUIRE) != 1) return;
  CloseUpTo(Use::kMaking);
  pipes_.CloseGuestEnds();
}

Status Newborn::Launch() {
  MOAT_TRY(Prepare());
  return run::Launch(plan_, child_, mounts_);
}

// A socket that lies in its own queue belongs to nobody once it is closed. unix(7): the kernel collects
// it, in a worker of its own, and with it what else lies there.
void Newborn::LeaveMountsToKernel() {
  if (!mounts_.valid()) return;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  const int fds[2] = {mounts_.get(), ends[1]};
  // The ends stay open until this process is gone: the socket is nobody's from then on.
  if (sys::SendMessage(ends[0], "m", {}, fds).ok()) mounts_.Close();
}

void Newborn::Undo() {
  child_.CallOff(plan_.shared());
  RemoveGroups(plan_);
  CloseUpTo(Use::kCounting);
  counters_.Close();
  mounts_.Close();
  notice_.Close();
  pipes_ = Pipes();
}

void Remains::Drop() {
  if (newborn) newborn->Undo();
  newborn.reset();
}

namespace {

// As Inputs::Open will name them.
Status FillBeginning(LivePlan& plan, const Beginning& beginning) {
  Job job;
  job.command = beginning.command;
  job.environment = beginning.environment;
  job.extra_environment = beginning.extra_environment;
  std::vector<std::string> inside;
  for (const std::string& name : beginning.input_names) inside.push_back(std::string(plan.Text(plan.header().input_dir)) + "/" + name);
  MOAT_TRY(FillArguments(plan, job, inside));
  StartAhead(plan);
  return {};
}

bool HasEnded(const Child& child) {
  struct pollfd ended{child.pidfd().get(), POLLIN, 0};
  return poll(&ended, 1, 0) != 0;
}

}  // namespace

void Ahead::Become(const KeptPlan& plan, const std::optional<Beginning>& beginning) {
  if (plan == plan_ && beginning == beginning_) return;
  Drop();
  plan_ = plan;
  beginning_ = beginning;
  ended_ = 0;
}

void Ahead::Prepare(const KeptPlan& plan, const std::optional<Beginning>& beginning, OwnArguments own) {
  Become(plan, beginning);
  if (waiting_.size() >= kMost) return;
  const bool starts = beginning && ended_ < kMostEnded;
  Spawner* spawner = starts ? nullptr : SpawnerOf(plan);  // pid 1 has to trace, which no filter of a guest's lets it
  auto copy = LivePlan::Copy(*plan, abi::kMaxInputs, spawner != nullptr ? &spawner->berths() : nullptr);
  if (!copy.ok()) return;
  if (starts && !FillBeginning(*copy, *beginning).ok()) return;
  SetupFailure failed;
  auto born = Newborn::Bear(std::move(*copy), own, Over::kTold, failed, spawner);
  if (!born.ok()) return;
  if (!born->Prepare().ok()) return born->Undo();
  born->OpenCounters();
  waiting_.push_back({std::move(*born), sys::NowNs()});
}

void Ahead::StartSpawner(const KeptPlan& plan, OwnArguments own) {
  if ((plan->header().flags & abi::kInheritable) == 0 || std::exchange(spawner_tried_, true)) return;
  auto started = Spawner::Start(*plan, own);
  if (!started.ok()) return;
  spawner_.emplace(std::move(*started));
  spawner_plan_ = plan;
}

bool Ahead::IsGood(Waiting& waiting, std::uint64_t age) {
  if (sys::NowNs() - waiting.born_at > age) return false;
  if (!HasEnded(waiting.newborn.child())) return true;
  if (waiting.newborn.is_warm()) ++ended_;
  return false;
}

void Ahead::DropOld(const KeptPlan& plan, const std::optional<Beginning>& beginning) {
  Become(plan, beginning);
  while (!waiting_.empty() && !IsGood(waiting_.front(), kYoungNs)) {
    waiting_.front().newborn.Undo();
    waiting_.erase(waiting_.begin());
  }
}

bool Ahead::DropStale() {
  while (!waiting_.empty() && waiting_.front().newborn.is_warm() && !IsGood(waiting_.front(), kMaxAgeNs)) {
    waiting_.front().newborn.Undo();
    waiting_.erase(waiting_.begin());
  }
  return !waiting_.empty() && waiting_.front().newborn.is_warm();
}

void Ahead::Tidy() {
  for (Waiting& each : waiting_) each.newborn.Tidy();
}

std::optional<Newborn> Ahead::Take(const KeptPlan& plan, const Job& job) {
  if (plan != plan_) Drop();
  while (!waiting_.empty()) {
    // Those that are warm keep waiting for a job that is theirs.
    if (waiting_.front().newborn.is_warm() && (!beginning_ || BeginningOf(job) != *beginning_)) return std::nullopt;
    Waiting first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    if (IsGood(first, kMaxAgeNs)) {
      if (!first.newborn.is_warm()) return std::optional<Newborn>(std::move(first.newborn));
      if (StandStill(first.newborn.plan(), first.newborn.child())) {
        ended_ = 0;
        return std::optional<Newborn>(std::move(first.newborn));
      }
      ++ended_;
    }
    first.newborn.Undo();
  }
  return std::nullopt;
}

void Ahead::Drop() {
  for (Waiting& each : waiting_) each.newborn.Undo();
  waiting_.clear();
}

}  // namespace moat::run
