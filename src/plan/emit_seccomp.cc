#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/seccomp.h>

#include <optional>
#include <vector>

#include "base/text.h"
#include "bpf/filter.h"
#include "plan/emit.h"
#include "plan/filter_spec.h"
#include "policy/verdicts.h"
#include "policy/when.h"

namespace moat::plan {
namespace {

constexpr int kPrSetNoNewPrivs = 38;

bpf::Action ActionOf(const policy::Do& wanted) {
  switch (wanted.kind) {
    case policy::DoKind::kAllow: return bpf::Allow();
    case policy::DoKind::kErrno: return bpf::Errno(wanted.error_number);
    case policy::DoKind::kKill: return bpf::KillProcess();
    case policy::DoKind::kNotify: return {bpf::ActionKind::kNotify, 0};
    case policy::DoKind::kLog: return {bpf::ActionKind::kLog, 0};
  }
  return bpf::KillProcess();
}

// A policy without exec still has to let the launcher start its program: that one exec is
// known by a number in a register that execve does not use, and that no guest can learn.
bool AllowOwnExec(bpf::FilterSpec& spec) {
  seccomp_data data{};
  data.nr = __NR_execve;
  data.arch = bpf::AuditArch(spec.abi);
  if (bpf::Interpret(spec, data) == bpf::Allow()) return false;
  bpf::Condition nonce;
  nonce.arg = 5;
  nonce.value = abi::kPlaceExec;
  spec.rules.insert(spec.rules.begin(), {__NR_execve, {nonce}, bpf::Allow(), 0, true});
  return true;
}

std::vector<bpf::Action*> Actions(bpf::FilterSpec& spec) {
  std::vector<bpf::Action*> actions = {&spec.default_action, &spec.unknown_action, &spec.foreign_action};
  for (bpf::Rule& rule : spec.rules) actions.push_back(&rule.action);
  return actions;
}

// Death by the filter alone leaves no evidence that a signal sent by the guest could not leave as
// well, and none at all when it meets a child. So pid 1 is asked, who notes the call and kills.
// A policy that asks for `notify` itself keeps the kernel's own: the two could not be told apart.
bool AskBeforeKilling(bpf::FilterSpec& spec, const HostFacts& facts) {
  using bpf::ActionKind;
  if (!facts.seccomp_notify.works) return false;
  for (const bpf::Action* action : Actions(spec)) {
    if (action->kind == ActionKind::kNotify) return false;
  }
  for (bpf::Action* action : Actions(spec)) {
    if (action->kind == ActionKind::kKillProcess) action->kind = ActionKind::kNotify;
  }
  return true;
}

// A watcher answers for every refusal, by the same rules. `success` is no refusal.
Status AskBeforeRefusing(bpf::FilterSpec& spec, const HostFacts& facts) {
  using bpf::ActionKind;
  if (!facts.seccomp_notify.works) {
    return HostError("nobody can watch refusals on this host: " + facts.seccomp_notify.detail, "run without `--watch`");
  }
  for (bpf::Action* action : Actions(spec)) {
    const bool refuses = action->kind == ActionKind::kErrno && action->data != 0;
    if (refuses || action->kind == ActionKind::kKillProcess) *action = {ActionKind::kNotify, 0};
  }
  return {};
}

// Of an open file (fstat is such a call) there is nothing to tell. With a name as well it is a way around being told
// of, and around nothing else.
std::optional<bpf::Condition> NamesNoFile(const bpf::SyscallInfo& call) {
  const std::uint8_t flags = call.name == "newfstatat" ? 3 : 2;
  if (call.name != "newfstatat" && call.name != "statx") return std::nullopt;
  return bpf::Condition{flags, bpf::Compare::kMaskedEqual, AT_EMPTY_PATH, AT_EMPTY_PATH};
}

void AskAboutFiles(bpf::FilterSpec& spec) {
  std::vector<bpf::Rule> rules;
  for (bpf::Rule& rule : spec.rules) {
    const bpf::SyscallInfo* call = bpf::FindSyscall(spec.abi, rule.number);
    const bool asks = rule.action == bpf::Allow() && call != nullptr && LooksAtFiles(call->name);
    const auto silent = asks ? NamesNoFile(*call) : std::nullopt;
    if (silent) {
      rules.push_back(rule);
      rules.back().all_of.push_back(*silent);
    }
    rules.push_back(std::move(rule));
    if (asks) rules.back().action = {bpf::ActionKind::kNotify, 0};
  }
  spec.rules = std::move(rules);
}

// What does not fit fails at once and leaves the file system as it was: nothing shows afterwards that
// it was full. So pid 1 is told of larger ones and looks whether there is room, and the kernel goes
// on with the call. Small ones fill the folder before they fail. A policy that decides about the call
// itself is left alone.
bool WatchAllocations(Blob& blob, bpf::FilterSpec& spec) {
  constexpr std::uint64_t kLarge = 64 << 10, kKeepSize = 1;
  if (blob.scratches().empty()) return false;
  bool allowed = spec.default_action == bpf::Allow();
  for (const bpf::Rule& rule : spec.rules) {
    if (rule.number != __NR_fallocate) continue;
    if (!rule.all_of.empty() || rule.action != bpf::Allow()) return false;
    allowed = true;
  }
  if (!allowed) return false;
  bpf::Condition takes_room{1, bpf::Compare::kMaskedEqual, 0, ~kKeepSize & 0xffffffff};
  bpf::Condition large{3, bpf::Compare::kGreaterEqual, kLarge};
  spec.rules.insert(spec.rules.begin(), {__NR_fallocate, {takes_room, large}, {bpf::ActionKind::kNotify, 0}, 0});
  return true;
}

// The launcher has no table of calls: the names of those that it may have to tell about.
void NameDeadly(Blob& blob, const bpf::FilterSpec& spec) {
  for (const bpf::SyscallInfo& call : bpf::Syscalls(spec.abi)) {
    bool deadly = spec.default_action.kind == bpf::ActionKind::kNotify;
    for (const bpf::Rule& rule : spec.rules) {
      deadly = deadly || (rule.number == call.number && rule.action.kind == bpf::ActionKind::kNotify);
    }
    if (deadly) blob.NameCall(static_cast<std::uint16_t>(call.number));
  }
}

Status NoteNonce(Blob& blob, const bpf::Program& program) {
  abi::Header& header = blob.header();
  for (abi::Index i = 0; i < program.code.size(); ++i) {
    const sock_filter& instruction = program.code[i];
    if (instruction.code != (BPF_JMP | BPF_JEQ | BPF_K)) continue;
    if (instruction.k == static_cast<std::uint32_t>(abi::kPlaceExec)) header.nonce_low = i;
    if (instruction.k == static_cast<std::uint32_t>(abi::kPlaceExec >> 32)) header.nonce_high = i;
  }
  if (header.nonce_low == 0 || header.nonce_high == 0) return BugError("the filter lost the mark of the launcher's exec");
  header.flags |= abi::kExecNonce;
  return {};
}

}  // namespace

bool LooksAtFiles(std::string_view call) {
  constexpr std::string_view kCalls[] = {"open", "openat", "openat2", "creat", "execve", "stat", "newfstatat", "access", "faccessat", "faccessat2", "statx"};
  return std::find(std::begin(kCalls), std::end(kCalls), call) != std::end(kCalls);
}

Result<bpf::FilterSpec> FilterSpecOf(const policy::Model& model, bpf::Abi abi) {
  bpf::FilterSpec spec;
  spec.abi = abi;
  spec.default_action = ActionOf(model.syscalls.otherwise.value);
  spec.unknown_action = ActionOf(model.syscalls.unknown.value);
  spec.foreign_action = bpf::KillProcess();
  std::uint32_t id = 0;
  for (const policy::SyscallRule& rule : policy::EffectiveRules(model)) {
    ++id;
    const bpf::SyscallInfo* call = bpf::FindSyscall(abi, rule.call);
    if (call == nullptr) continue;  // the ABI has no such call (open on aarch64): nothing to decide
    if (rule.when.empty()) {
      spec.rules.push_back({call->number, {}, ActionOf(rule.action), id});
      continue;
    }
    for (auto& conditions : MOAT_TRY(policy::ParseWhen(rule.when, *call, rule.origin))) {
      spec.rules.push_back({call->number, std::move(conditions), ActionOf(rule.action), id});
    }
  }
  for (const bpf::SyscallInfo& call : bpf::Syscalls(abi)) {
    const bpf::Action action = ActionOf(policy::Fallback(model, call).action);
    if (action != spec.default_action) spec.rules.push_back({call.number, {}, action, ++id});
  }
  return spec;
}

bool IsAlwaysAllowed(const bpf::FilterSpec& spec, std::uint32_t number) {
  for (const bpf::Rule& rule : spec.rules) {
    if (rule.number == number) return rule.all_of.empty() && rule.action == bpf::Allow();
  }
  return spec.default_action == bpf::Allow();
}

Result<bool> FilterLetsWait(const Request& request) {
  const bpf::FilterSpec spec = MOAT_TRY(FilterSpecOf(request.model, bpf::NativeAbi()));
  return IsAlwaysAllowed(spec, __NR_futex) && IsAlwaysAllowed(spec, __NR_ppoll);
}

void EmitNoNewPrivs(Blob& blob) {
  blob.At(abi::Phase::kProgram, abi::Stage::kNoNewPrivs);
  blob.Add(__NR_prctl, {Signed(kPrSetNoNewPrivs), Value(1), Value(0), Value(0), Value(0)});
  blob.Layer("no_new_privs", abi::LayerState::kEnforced, "");
}

Status EmitSeccomp(Blob& blob, const Request& request, bpf::FilterSpec& made) {
  const HostFacts& facts = request.facts;
  if (!facts.seccomp.works) {
    if (!BestEffort(request)) {
      return HostError("seccomp filters cannot be installed on this host: " + facts.seccomp.detail, facts.seccomp.fix);
    }
    blob.Layer("seccomp", abi::LayerState::kDegraded, facts.seccomp.detail);
    return {};
  }
  bpf::FilterSpec spec = MOAT_TRY(FilterSpecOf(request.model, bpf::NativeAbi()));
  const bool watched = request.watched == Watched::kYes;
  if (watched) AskAboutFiles(spec);  // first: the launcher's own execve must not be asked about
  const bool own_exec = AllowOwnExec(spec);
  const std::string unknown_calls = spec.unknown_action.ToString();
  if (watched) MOAT_TRY(AskBeforeRefusing(spec, facts));
  const bool listens = watched || AskBeforeKilling(spec, facts);
  if (listens) NameDeadly(blob, spec);
  if (listens && !watched && WatchAllocations(blob, spec)) blob.header().flags |= abi::kWatchesAllocations;
  const bpf::Program program = MOAT_TRY(bpf::Compile(spec));
  const abi::Offset code = blob.Bytes(
      std::string_view(reinterpret_cast<const char*>(program.code.data()), program.code.size() * sizeof(sock_filter)));
  blob.header().filter = code;
  blob.header().filter_count = static_cast<abi::Index>(program.code.size());
  if (own_exec) MOAT_TRY(NoteNonce(blob, program));
  struct {
    std::uint16_t length;
    std::uint16_t pad[3];
    std::uint64_t code;
  } fprog{static_cast<std::uint16_t>(program.code.size()), {}, 0};
  const abi::Offset descriptor = blob.Struct(fprog);
  blob.Relocate(descriptor + 8, code);
  made = spec;
  blob.At(abi::Phase::kProgram, abi::Stage::kSeccomp);
  blob.For(request.model.name, {});
  abi::Op& install = blob.Add(__NR_seccomp, {Value(SECCOMP_SET_MODE_FILTER),
                                             Value(listens ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0), Address(descriptor)});
  install.flags = abi::kOwnFilter;
  if (listens) {
    blob.header().flags |= abi::kListens;
    install.result = MOAT_SLOT(blob, listener);
  }
  blob.Layer("seccomp", abi::LayerState::kEnforced,
             base::Number(program.code.size()) + " instructions, unknown calls " + unknown_calls);
  return {};
}

}  // namespace moat::plan
