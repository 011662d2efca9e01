// Checks that need the whole model. Each names the line that has to change, and how.
#include <algorithm>

#include "base/similar.h"
#include "base/text.h"
#include "bpf/syscall_table.h"
#include "policy/load.h"
#include "policy/paths.h"
#include "policy/scalars.h"
#include "policy/verdicts.h"
#include "policy/when.h"

namespace moat::policy {
namespace {

constexpr std::uint8_t kNeedsReason = 3;
constexpr std::uint8_t kNever = 4;

Error Refuse(std::string message, const Origin& origin, std::string fix = {}) {
  return WithFix(PolicyError(std::move(message), origin), std::move(fix));
}

// --- limits

Status CheckLimits(const Limits& limits) {
  const bool wall_off = limits.wall.value == Nanoseconds::max();
  if (wall_off && limits.cpu.value != Nanoseconds::max()) {
    return Refuse("`cpu` is limited but `wall` is not: a job that sleeps would stay for ever",
                  limits.wall.origin, "set `wall` to the longest that anybody waits");
  }
  if (limits.stack.value != kUnlimited && limits.address_space.value < limits.stack.value) {
    return Refuse("`address_space` is smaller than `stack`: no program could start",
                  limits.address_space.origin,
                  "raise `address_space` or leave it out; `memory` is the limit for real use");
  }
  return {};
}

// --- files

struct Reserved {
  std::string_view folder;
  std::string_view why;
};
constexpr Reserved kReserved[] = {
    {"/proc", "it is made by moat, of the job's own processes"},
    {"/dev", "it is made by moat; name single devices in `device`"},
    {"/sys", "it shows and steers the host's hardware"},
};

// Where a line may not aim: what moat makes itself, and the root of everything.
Status CheckTarget(std::string_view target, std::string_view what, const Origin& origin) {
  if (target == "/") return Refuse(std::string(what) + " cannot be the root folder `/`", origin);
  for (const Reserved& reserved : kReserved) {
    if (IsWithin(target, reserved.folder)) {
      return Refuse(std::string(what) + " " + Quote(target) + " is inside " + Quote(reserved.folder) + ": " +
                        std::string(reserved.why),
                    origin);
    }
  }
  return {};
}

Status CheckFileRule(const FileRule& rule) {
  if (rule.access == FileAccess::kDevice) {
    if (IsWithin(rule.target, "/dev") && rule.target != "/dev") return {};
    return Refuse("device " + Quote(rule.target) + " is not inside `/dev`", rule.origin);
  }
  if (rule.target == "/dev/shm" && rule.access == FileAccess::kScratch) return {};
  if (rule.access == FileAccess::kHide && IsWithin(rule.target, "/proc") && rule.target != "/proc") return {};
  MOAT_TRY(CheckTarget(rule.target, "the target", rule.origin));
  if (!rule.source.empty()) {
    MOAT_TRY(CheckTarget(rule.source, "the host path", rule.origin));
    if (rule.access == FileAccess::kWrite && IsWithin(rule.source, "/etc")) {
      return Refuse("`write` of " + Quote(rule.source) + " would let a job change the host's configuration",
                    rule.origin, "write results into the output folder instead");
    }
  }
  return {};
}

Status CheckApart(const Setting<std::string>& own, std::string_view name, const FileRule& rule) {
  if (own.value != rule.target) return {};
  const Origin& where = rule.origin.empty() ? own.origin : rule.origin;
  return Refuse(Quote(rule.target) + " is the " + std::string(name) + " folder and a line of [files] at once",
                where, "give `" + std::string(name) + "` another path");
}

Status CheckFiles(const Files& files) {
  MOAT_TRY(CheckTarget(files.input.value, "`input`", files.input.origin));
  MOAT_TRY(CheckTarget(files.output.value, "`output`", files.output.origin));
  if (IsWithin(files.input.value, files.output.value) || IsWithin(files.output.value, files.input.value)) {
    const Origin& where = files.output.origin.empty() ? files.input.origin : files.output.origin;
    return Refuse("`input` " + Quote(files.input.value) + " and `output` " + Quote(files.output.value) +
                      " lie in one another",
                  where, "give them paths apart, such as `/in` and `/out`");
  }
  for (const FileRule& rule : files.rules) {
    MOAT_TRY(CheckFileRule(rule));
    MOAT_TRY(CheckApart(files.input, "input", rule));
    MOAT_TRY(CheckApart(files.output, "output", rule));
  }
  // A working folder reached through /proc can be a descriptor of the launcher.
  for (const std::string_view bad :
       {std::string_view("/proc"), std::string_view("/sys"), std::string_view("/dev")}) {
    if (IsWithin(files.cwd.value, bad)) {
      return Refuse("`cwd` " + Quote(files.cwd.value) + " is inside " + Quote(bad), files.cwd.origin,
                    "start in a folder of files, such as `/tmp`");
    }
  }
  return {};
}

// --- system calls

Error UnknownName(std::string_view name, const Origin& origin) {
  std::vector<std::string> known;
  const bool group = !name.empty() && name[0] == '@';
  if (group) {
    for (const bpf::GroupInfo& each : bpf::Groups()) known.push_back("@" + std::string(each.name));
  } else {
    for (const bpf::SyscallInfo& each : bpf::Syscalls(bpf::Abi::kX86_64)) known.emplace_back(each.name);
  }
  return Refuse(std::string(group ? "there is no group " : "there is no system call ") + Quote(name), origin,
                DidYouMean(base::Closest(name, known)));
}

Status CheckAllowed(const Setting<std::string>& entry) {
  if (entry.value.empty()) return Refuse("an empty name in `allow`", entry.origin);
  if (entry.value[0] == '@') {
    const bpf::GroupInfo* group = bpf::FindGroup(std::string_view(entry.value).substr(1));
    if (group == nullptr) return UnknownName(entry.value, entry.origin);
    if (group->max_tier < kNeedsReason) return {};
    return Refuse("every call of " + Quote(entry.value) + " is of tier " + base::Number(group->max_tier) +
                      " (" + std::string(group->doc) + ")",
                  entry.origin, "grant single calls with a [[syscalls.rule]] that has a `reason`");
  }
  const bpf::SyscallInfo* call = FindAnywhere(entry.value);
  if (call == nullptr) return UnknownName(entry.value, entry.origin);
  if (call->tier < kNeedsReason) return {};
  return Refuse(
      Quote(entry.value) + " is of tier " + base::Number(call->tier) + " (" + std::string(call->reason) + ")",
      entry.origin, "grant it with a [[syscalls.rule]] that has a `reason`");
}

Status CheckDenied(const Setting<std::string>& entry) {
  const bool group = !entry.value.empty() && entry.value[0] == '@';
  if (group && bpf::FindGroup(std::string_view(entry.value).substr(1)) == nullptr) {
    return UnknownName(entry.value, entry.origin);
  }
  if (!group && FindAnywhere(entry.value) == nullptr) return UnknownName(entry.value, entry.origin);
  for (const std::string_view vital : {"exit", "exit_group", "rt_sigreturn", "restart_syscall"}) {
    const bpf::SyscallInfo* call = FindAnywhere(vital);
    if (call != nullptr && Covers(entry.value, *call)) {
      return Refuse("`deny` of " + Quote(entry.value) + " takes away " + Quote(vital) +
                        ": a process that cannot end spins for ever",
                    entry.origin, "take it out of `deny`");
    }
  }
  return {};
}

Status CheckRule(const SyscallRule& rule) {
  const bpf::SyscallInfo* call = FindAnywhere(rule.call);
  if (call == nullptr) return UnknownName(rule.call, rule.origin);
  if (IsVital(rule.call) && rule.action.kind != DoKind::kAllow && rule.action.kind != DoKind::kLog) {
    return Refuse("a rule denies " + Quote(rule.call) + ": a process that cannot end spins for ever",
                  rule.origin, "take the rule out");
  }
  const bool grants = Grants(rule.action);
  if (grants && call->tier >= kNever && rule.reason.empty()) {
    return Refuse(
        Quote(rule.call) + " is of tier 4, never granted to a job (" + std::string(call->reason) + ")",
        rule.origin, "take the rule out, or give a `reason` that a reader of the plan will accept");
  }
  if (grants && call->tier >= kNeedsReason && rule.reason.empty()) {
    return Refuse("a rule allows " + Quote(rule.call) + ", of tier " + base::Number(call->tier) + " (" +
                      std::string(call->reason) + "), without a `reason`",
                  rule.origin, "say in `reason` why the job needs it");
  }
  return {};
}

// The condition must make sense for the call wherever the call exists: a policy is not written
// for one machine.
Status CheckWhen(const SyscallRule& rule) {
  if (rule.when.empty()) return {};
  for (const bpf::Abi abi : {bpf::Abi::kX86_64, bpf::Abi::kAarch64}) {
    const bpf::SyscallInfo* call = bpf::FindSyscall(abi, rule.call);
    if (call != nullptr) MOAT_TRY(ParseWhen(rule.when, *call, rule.origin));
  }
  return {};
}

// A rule behind one that always decides the same call is dead: its author expects otherwise.
Status CheckReached(const std::vector<SyscallRule>& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool hidden = rules[j].call == rules[i].call && rules[j].when.empty();
      if (!hidden || rules[j].origin.file != rules[i].origin.file) continue;
      return Refuse("the rule for " + Quote(rules[i].call) + " is never reached: the one at " +
                        rules[j].origin.ToString() + " always decides",
                    rules[i].origin, "put the narrower rule first");
    }
  }
  return {};
}

Status CheckSyscalls(const Syscalls& syscalls) {
  for (const Setting<std::string>& entry : syscalls.allow) MOAT_TRY(CheckAllowed(entry));
  for (const Setting<std::string>& entry : syscalls.deny) MOAT_TRY(CheckDenied(entry));
  for (const SyscallRule& rule : syscalls.rules) {
    MOAT_TRY(CheckRule(rule));
    MOAT_TRY(CheckWhen(rule));
  }
  return CheckReached(syscalls.rules);
}

// --- environment

bool IsName(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  if (text.empty() || !is_letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Status CheckEnvironment(const Environment& environment) {
  for (const Setting<std::string>& entry : environment.pass) {
    std::string_view name = entry.value;
    if (name == "*") {
      return Refuse("`pass` of `*` would hand over every variable, secrets too", entry.origin,
                    "name the variables that the job needs");
    }
    if (!name.empty() && name.back() == '*') name.remove_suffix(1);
    if (!IsName(name)) return Refuse(Quote(entry.value) + " is not the name of a variable", entry.origin);
  }
  for (const auto& [name, value] : environment.set) {
    if (!IsName(name)) return Refuse(Quote(name) + " is not the name of a variable", value.origin);
    if (value.value.find('\0') != std::string::npos) {
      return Refuse("the value of " + Quote(name) + " contains a NUL byte", value.origin);
    }
  }
  return {};
}

}  // namespace

Status Validate(const Model& model) {
  MOAT_TRY(CheckLimits(model.limits));
  MOAT_TRY(CheckFiles(model.files));
  MOAT_TRY(CheckSyscalls(model.syscalls));
  return CheckEnvironment(model.environment);
}

}  // namespace moat::policy
