#include "run/spawn.h"

#include <linux/filter.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "base/errno_name.h"
#include "base/safe_text.h"
#include "base/text.h"
#include "child/elsewhere.h"
#include "child/interpret.h"
#include "run/groups.h"
#include "run/spawner.h"
#include "sys/calls.h"
#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

using abi::Phase;
using uapi::IsError;
using uapi::Syscall;

void CopyText(char* to, std::size_t size, const std::string& text) {
  std::memset(to, 0, size);
  std::memcpy(to, text.data(), std::min(text.size(), size - 1));
}

Status RunPhase(LivePlan& plan, Phase phase) {
  const auto p = static_cast<unsigned>(phase);
  const child::Outcome outcome = child::Interpret(child::Caller(), plan.bytes(), &plan.shared(), plan.header().phase_begin[p],
                                                  plan.header().phase_begin[p + 1]);
  if (outcome.failed_op == abi::kNoOp) return {};
  return OpError(plan, outcome.failed_op, outcome.error);
}

Error CloneError(int error_number) {
  Error error = SystemError("clone3", error_number, "a process in new namespaces");
  if (error_number == ENOSPC) error.fix = "raise the sysctls user.max_*_namespaces";
  if (error_number == EPERM) error.fix = "this process may not make namespaces: `moat doctor` tells what forbids it";
  if (error_number == EAGAIN) error.fix = "the limit of processes is reached: try again, or raise it";
  return error;
}

Status WriteMaps(LivePlan& plan, int pid) {
  const std::string process = "/proc/" + base::Number(static_cast<std::uint64_t>(pid));
  const std::int32_t score = plan.header().limits.oom_score;
  if (score != 0) MOAT_TRY(sys::WriteFile(process + "/oom_score_adj", base::SignedNumber(score)));
  if ((plan.header().flags & abi::kUserNamespace) == 0) return {};
  const abi::Slots& slots = plan.slots();
  if ((plan.header().flags & abi::kOwnNamespace) != 0) MOAT_TRY(sys::WriteFile(process + "/setgroups", "deny"));
  const std::string inside_uid = base::Number(plan.header().inside_uid), inside_gid = base::Number(plan.header().inside_gid);
  MOAT_TRY(sys::WriteFile(process + "/uid_map", inside_uid + " " + slots.uid_text + " 1"));
  MOAT_TRY(sys::WriteFile(process + "/gid_map", inside_gid + " " + slots.gid_text + " 1"));
  return {};
}

std::string Replace(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// "{in}" alone becomes all inputs; inside a word it is the first one.
void AddWord(std::vector<std::string>& words, const std::string& word, const std::vector<std::string>& inputs,
             std::string_view output) {
  if (word == "{in}" && !inputs.empty()) {
    words.insert(words.end(), inputs.begin(), inputs.end());
    return;
  }
  std::string text = word;
  if (!inputs.empty()) text = Replace(std::move(text), "{in}", inputs.front());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    text = Replace(std::move(text), "{in" + base::Number(i + 1) + "}", inputs[i]);
  }
  words.push_back(output.empty() ? text : Replace(std::move(text), "{out}", output));
}

std::string_view NameOf(std::string_view variable) { return variable.substr(0, variable.find('=')); }

void AddEnvironment(std::vector<std::string>& variables, const LivePlan& plan, const Job& job) {
  const auto set = [&](std::string variable) {
    for (std::string& existing : variables) {
      if (NameOf(existing) == NameOf(variable)) {
        existing = std::move(variable);
        return;
      }
    }
    variables.push_back(std::move(variable));
  };
  const auto* rows = plan.Rows<abi::EnvRow>(plan.header().env);
  for (abi::Index i = 0; i < plan.header().env_count; ++i) {
    const std::string_view name = plan.Text(rows[i].name);
    if (rows[i].kind == abi::EnvKind::kSet) {
      set(std::string(name) + "=" + std::string(plan.Text(rows[i].value)));
      continue;
    }
    for (const std::string& variable : job.environment) {
      const std::string_view given = NameOf(variable);
      const bool passes = rows[i].kind == abi::EnvKind::kPass ? given == name : given.substr(0, name.size()) == name;
      if (passes) set(variable);
    }
  }
  for (const std::string& variable : job.extra_environment) set(variable);
}

// As many of the launcher's own as the policy gives, from a place that chance chooses: the same
// ones for every job would leave the others idle.
Status ChooseProcessors(LivePlan& plan) {
  std::uint32_t wanted = plan.header().limits.processors;
  if (wanted == 0) return {};
  abi::Slots& slots = plan.slots();
  constexpr unsigned kMost = sizeof(slots.processors) * 8;
  std::uint64_t ours[kMost / 64] = {};
  const long size = Syscall(__NR_sched_getaffinity, 0, sizeof(ours), ours);
  if (IsError(size)) return SystemError("sched_getaffinity", static_cast<int>(-size), "cpus");
  unsigned count = 0;
  for (const std::uint64_t word : ours) count += static_cast<unsigned>(__builtin_popcountll(word));
  std::uint32_t chance = 0;
  Syscall(__NR_getrandom, &chance, sizeof(chance), 0);
  unsigned skip = count > wanted ? chance % count : 0;
  for (unsigned round = 0; round < 2; ++round) {  // round the end
    for (unsigned i = 0; i < kMost && wanted > 0; ++i) {
      if ((ours[i / 64] >> (i % 64) & 1) == 0) continue;
      if (skip > 0) {
        --skip;
        continue;
      }
      slots.processors[i / 64] |= 1ULL << (i % 64);
      --wanted;
    }
  }
  return {};
}

}  // namespace

Status FillIdentity(LivePlan& plan) {
  abi::Slots& slots = plan.slots();
  const abi::Header& header = plan.header();
  const auto thread = static_cast<std::uint32_t>(Syscall(__NR_gettid));
  // In a namespace of our own the caller is 0; as root each job gets an id that nobody else
  // has: no two living threads share a number.
  const std::uint32_t id =
      (header.flags & abi::kOwnNamespace) != 0 ? 0 : header.uid_base + thread % header.uid_count;
  slots.job_uid = slots.job_gid = static_cast<std::int32_t>(id);
  CopyText(slots.uid_text, sizeof(slots.uid_text), base::Number(id));
  CopyText(slots.gid_text, sizeof(slots.gid_text), base::Number(id));
  MOAT_TRY(ChooseProcessors(plan));
  return NameGroups(plan);
}

Status FillArguments(LivePlan& plan, const Job& job, const std::vector<std::string>& inputs) {
  std::vector<std::string> strings;
  const bool collects = (plan.header().flags & abi::kHasOutput) != 0;
  const std::string_view output = collects ? plan.Text(plan.header().output_dir) : std::string_view();
  for (const std::string& word : job.command) AddWord(strings, word, inputs, output);
  const std::size_t argc = strings.size();
  std::vector<std::string> variables;
  AddEnvironment(variables, plan, job);
  for (std::string& variable : variables) strings.push_back(std::move(variable));
  // argv, a null, envp, a null; behind them the strings.
  auto* pointers = reinterpret_cast<char**>(plan.room());
  std::size_t used = (strings.size() + 2) * sizeof(char*);
  const auto put = [&](const std::string& text) -> char* {
    if (used > LivePlan::kArgumentRoom || text.size() >= LivePlan::kArgumentRoom - used) return nullptr;
    char* at = reinterpret_cast<char*>(plan.room()) + used;
    std::memcpy(at, text.c_str(), text.size() + 1);
    used += text.size() + 1;
    return at;
  };
  for (std::size_t i = 0; i < strings.size(); ++i) {
    char* at = put(strings[i]);
    if (at == nullptr) return SystemError("execve", E2BIG, "the command and its environment");
    pointers[i < argc ? i : i + 1] = at;
  }
  pointers[argc] = nullptr;
  pointers[strings.size() + 1] = nullptr;
  plan.slots().argv = reinterpret_cast<std::uint64_t>(pointers);
  plan.slots().envp = reinterpret_cast<std::uint64_t>(pointers + argc + 1);
  return {};
}

namespace {

// A fresh number for each job: what one guest might guess of its own filter is no use.
Status DrawNonce(LivePlan& plan) {
  const abi::Header& header = plan.header();
  if ((header.flags & abi::kExecNonce) == 0) return {};
  std::uint64_t nonce = 0;
  const long drawn = Syscall(__NR_getrandom, &nonce, sizeof(nonce), 0);
  if (drawn != static_cast<long>(sizeof(nonce))) return SystemError("getrandom", drawn < 0 ? static_cast<int>(-drawn) : EIO);
  auto* code = reinterpret_cast<struct sock_filter*>(plan.bytes() + header.filter);
  code[header.nonce_low].k = static_cast<std::uint32_t>(nonce);
  code[header.nonce_high].k = static_cast<std::uint32_t>(nonce >> 32);
  plan.slots().nonce = nonce;
  return {};
}

}  // namespace

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    End();
    pidfd_ = std::move(other.pidfd_);
    pid_ = std::exchange(other.pid_, 0);
    abandoned_ = other.abandoned_;
    ours_ = other.ours_;
  }
  return *this;
}

// Only for speed: whatever fails leaves the child where it is.
void Child::SendAway() {
  Mask ours{};
  unsigned here = 0;
  if (IsError(Syscall(__NR_sched_getaffinity, 0, sizeof(ours), ours.data())) ||
      IsError(Syscall(__NR_getcpu, &here, nullptr, nullptr)) || here >= kProcessors) {
    return;
  }
  Mask others = ours;
  constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  others[here / kBits] &= ~(1UL << here % kBits);
  if (others == Mask{}) return;
  if (!IsError(Syscall(__NR_sched_setaffinity, pid_, sizeof(others), others.data()))) ours_ = ours;
}

void Child::RunAnywhere() {
  if (ours_) Syscall(__NR_sched_setaffinity, pid_, sizeof(*ours_), ours_->data());
  ours_.reset();
}

bool Child::AwaitEnd(long seconds) const {
  struct pollfd ended{pidfd_.get(), POLLIN, 0};
  struct timespec patience{seconds, 0};  // what is left is noted here
  long ready;
  do ready = Syscall(__NR_ppoll, &ended, 1, &patience, nullptr, 0);
  while (ready == -EINTR);
  return ready > 0;
}

void Child::End() {
  constexpr long kPatienceSeconds = 5;
  if (pid_ == 0) return;
  Syscall(__NR_kill, pid_, SIGKILL);
  if (!AwaitEnd(kPatienceSeconds)) return Abandon();
  while (Syscall(__NR_wait4, pid_, nullptr, __WALL, nullptr) == -EINTR) {
  }
  pid_ = 0;
}

void Child::CallOff(abi::Shared& shared) {
  constexpr long kPatienceSeconds = 10;  // somebody may have stopped it
  if (pid_ != 0 && __atomic_load_n(&shared.told, __ATOMIC_ACQUIRE) == 0) {
    __atomic_store_n(&shared.end, 1U, __ATOMIC_RELEASE);
    RunAnywhere();
    child::Raise(child::Caller(), &shared.gate, abi::kGateJob);
    AwaitEnd(kPatienceSeconds);
  }
  End();
}

Error OpError(LivePlan& plan, abi::Index failed_op, int error_number) {
  abi::Shared& shared = plan.shared();
  shared.failed_op = failed_op;
  shared.failed_errno = error_number;
  shared.state = abi::ChildState::kFailed;
  const SetupFailure failure = DescribeFailure(plan, failed_op, error_number);
  Error error = SystemError(failure.call, failure.error_number, failure.subject);
  error.message = failure.message;
  error.origin = failure.origin;
  return error;
}

namespace {

Result<Child> BearOurselves(LivePlan& plan, uapi::CloneArgs& args) {
  MOAT_TRY(DrawNonce(plan));
  int pidfd = -1;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  const child::Memory memory{plan.bytes(), plan.size(), &plan.shared(), {}};
  const long pid = Syscall(__NR_clone3, &args, sizeof(args));
  if (pid == 0) child::Main(memory);
  if (IsError(pid)) return CloneError(static_cast<int>(-pid));
  return Child(sys::Pidfd(pidfd), static_cast<int>(pid));
}

}  // namespace

Result<Child> Bear(LivePlan& plan, Spawner* spawner) {
  MOAT_TRY(RunPhase(plan, Phase::kAhead));
  uapi::CloneArgs args{};
  args.flags = plan.header().clone_flags | uapi::kClonePidfd | uapi::kCloneClearSighand | uapi::kCloneFiles;
  if (plan.header().clone_cgroup != 0) {
    args.flags |= uapi::kCloneIntoCgroup;
    args.cgroup = static_cast<std::uint64_t>(plan.Int(plan.header().clone_cgroup));
  }
  Child child;
  if (spawner != nullptr && plan.inherits()) {
    sys::Pidfd pidfd;
    const long pid = spawner->Bear(plan, args, pidfd);
    if (IsError(pid)) return CloneError(static_cast<int>(-pid));
    child = Child(std::move(pidfd), static_cast<int>(pid));
  } else {
    child = MOAT_TRY(BearOurselves(plan, args));
  }
  MOAT_TRY(plan.KeepFromLaterChildren());
  child.SendAway();
  MOAT_TRY(WriteMaps(plan, child.pid()));
  return child;
}

namespace {

Status RunBeside(LivePlan& plan, Child& child, Phase phase) {
  auto done = RunPhase(plan, phase);
  if (done.ok()) return done;
  const abi::Index failed = plan.shared().failed_op;
  const int error_number = plan.shared().failed_errno;
  child.CallOff(plan.shared());  // it writes where the failure is noted
  return OpError(plan, failed, error_number);
}

// A child that has failed before tells so when it ends.
Status MountInputs(LivePlan& plan, Child& child, const sys::Fd& mounts) {
  abi::Shared& shared = plan.shared();
  if (__atomic_load_n(&shared.told, __ATOMIC_ACQUIRE) != 1) return {};
  const child::Outcome outcome =
      child::InterpretAmong(mounts.get(), {plan.bytes(), plan.size(), &shared, {}}, Phase::kJob);
  if (outcome.failed_op == abi::kNoOp) return {};
  child.CallOff(shared);  // it writes where the failure is noted
  return OpError(plan, outcome.failed_op, outcome.error);
}

}  // namespace

Status Prepare(LivePlan& plan, Child& child) {
  MOAT_TRY(RunBeside(plan, child, Phase::kPrepare));
  child::Raise(child::Caller(), &plan.shared().gate, abi::kGateMounts);
  MOAT_TRY(RunBeside(plan, child, Phase::kGroups));
  child.RunAnywhere();  // before the program is born, who inherits it
  child::Raise(child::Caller(), &plan.shared().gate, abi::kGateGroups);
  return {};
}

Status Launch(LivePlan& plan, Child& child, const sys::Fd& mounts) {
  constexpr long kLookNs = 50'000'000;  // a child that is gone tells nothing
  abi::Shared& shared = plan.shared();
  if (plan.slots().input_count > 0) {
    child::WaitFor(child::Caller(), &shared.told, 1, child.pidfd().get(), kLookNs);  // its mounts are in place
    MOAT_TRY(MountInputs(plan, child, mounts));
  }
  __atomic_store_n(&shared.opened_ns, sys::NowNs(), __ATOMIC_RELEASE);
  child::Raise(child::Caller(), &shared.gate, shared.warm != 0 ? abi::kGateWarm : abi::kGateJob);
  if (shared.warm != 0) Syscall(__NR_kill, child.pid(), abi::kWakeSignal);
  child::WaitFor(child::Caller(), &shared.told, 1, child.pidfd().get(), kLookNs);
  return {};
}

namespace {

// Where the program begins: a path that is not absolute leads from there.
std::string_view WorkingFolder(const LivePlan& plan) {
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    if (plan.op(i).number == __NR_chdir && plan.op(i).phase == Phase::kProgram) return plan.Text(plan.op(i).subject);
  }
  return "/";
}

}  // namespace

void StartAhead(LivePlan& plan) {
  abi::Shared& shared = plan.shared();
  const std::string_view folder = plan.Text(plan.header().input_dir), cwd = WorkingFolder(plan);
  const std::string_view below = folder.substr(std::min<std::size_t>(folder.size(), 1));
  CopyText(shared.warm_folder, sizeof(shared.warm_folder), std::string(below.substr(0, below.find('/'))));
  const std::size_t first = below.substr(0, below.find('/')).size() + 1;
  shared.warm_within = cwd.substr(0, first) == folder.substr(0, first) && (cwd.size() == first || cwd[first] == '/') ? 1 : 0;
  shared.warm = 1;
}

bool StandStill(LivePlan& plan, const Child& child) {
  constexpr long kLookNs = 50'000'000;
  abi::Shared& shared = plan.shared();
  if (__atomic_load_n(&shared.stopped, __ATOMIC_ACQUIRE) == 0) {
    __atomic_store_n(&shared.stop_asked, 1U, __ATOMIC_RELEASE);
    Syscall(__NR_kill, child.pid(), abi::kWakeSignal);
    child::WaitFor(child::Caller(), &shared.stopped, 1, child.pidfd().get(), kLookNs);
  }
  struct pollfd ended{child.pidfd().get(), POLLIN, 0};
  const struct timespec at_once{0, 0};
  return __atomic_load_n(&shared.stopped, __ATOMIC_ACQUIRE) != 0 && Syscall(__NR_ppoll, &ended, 1, &at_once, nullptr, 0) == 0;
}

SetupFailure DescribeFailure(const LivePlan& plan, abi::Index index, int error_number) {
  SetupFailure failure;
  if (index >= plan.header().op_count) {
    failure.message = "the job could not be started";
    return failure;
  }
  const abi::Op& op = plan.op(index);
  failure.stage = plan.StageName(op.stage);
  failure.call = plan.CallName(op.number);
  failure.error_number = error_number;
  failure.subject = plan.Text(op.subject);
  const abi::OriginRow& origin = plan.Rows<abi::OriginRow>(plan.header().origins)[op.origin];
  failure.origin = {std::string(plan.Text(origin.file)), origin.line, origin.column};
  const std::string subject = base::Printable(failure.subject);
  if (op.stage == abi::Stage::kExec && failure.call == "execve") {
    failure.message = "`" + subject + "` cannot be executed";
    if (error_number == ENOENT) failure.message += ": it, its loader or its interpreter is not there";
    if (error_number == ENOEXEC) failure.message += ": not a program that this kernel knows";
  } else {
    failure.message = "setting up the jail failed at stage " + failure.stage;
    if (!subject.empty()) failure.message += ", " + subject;
  }
  return failure;
}

}  // namespace moat::run
