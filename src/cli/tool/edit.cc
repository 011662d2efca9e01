#include "cli/tool/edit.h"

#include <algorithm>

#include "base/text.h"
#include "bpf/syscall_table.h"
#include "cli/tool/compile.h"
#include "policy/diff.h"
#include "policy/verdicts.h"
#include "policy/when.h"
#include "watch/rules.h"

namespace moat::tool {
namespace {

constexpr std::string_view kTiers[] = {"harmless: every sealed process has it", "ordinary inside a jail",
                                       "wants a look at its arguments, or a limit", "dangerous: only with a reason", "never allowed"};

// A call that the rule is for: what its condition names, all else zero.
Result<seccomp_data> ExampleOf(const policy::SyscallRule& rule) {
  const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), rule.call);
  if (call == nullptr) return PolicyError("`" + rule.call + "` is no call of this machine");
  seccomp_data data{};
  data.arch = bpf::AuditArch(bpf::NativeAbi());
  data.nr = static_cast<int>(call->number);
  if (rule.when.empty()) return data;
  const policy::Alternatives alternatives = MOAT_TRY(policy::ParseWhen(rule.when, *call, rule.origin));
  for (const bpf::Condition& condition : alternatives.front()) data.args[condition.arg] = condition.value;
  return data;
}

Status Check(const policy::Model& model, const policy::SyscallRule& rule) {
  const watch::Rules rules = MOAT_TRY(watch::Rules::Of(model));
  const seccomp_data data = MOAT_TRY(ExampleOf(rule));
  if (rules.Judge(data).action == bpf::Allow()) return {};
  return BugError("the edit for " + rule.call + " would not allow it");
}

// The rule that an edit is, read as a policy of its own.
Result<policy::SyscallRule> RuleOf(const std::string& edit) {
  const policy::Model model = MOAT_TRY(policy::Parse("moat = 1\n" + edit, "edit", StandardProfiles()));
  if (model.syscalls.rules.size() != 1) return PolicyError("not one rule");
  return model.syscalls.rules.front();
}

}  // namespace

Result<Edited> ApplyEdits(const std::string& path, const std::string& text, const std::vector<Denial>& denials) {
  const policy::Model before = MOAT_TRY(policy::Parse(text, path, StandardProfiles()));
  Edited edited{text, {}, {}};
  std::vector<policy::SyscallRule> added;
  std::vector<std::string> known;
  for (const Denial& denial : denials) {
    if (std::find(known.begin(), known.end(), denial.call + denial.edit) != known.end()) continue;
    known.push_back(denial.call + denial.edit);
    // A report comes from somewhere: what it calls an edit is one allowing rule, or it is nothing.
    auto rule = denial.edit.empty() ? Result<policy::SyscallRule>(PolicyError("no rule can allow it")) : RuleOf(denial.edit);
    if (!rule.ok() || rule->action.kind != policy::DoKind::kAllow) {
      edited.skipped.push_back(denial.call + ": no rule can allow it");
      continue;
    }
    std::string next = watch::ApplyEdit(edited.text, denial.edit);
    if (!policy::Parse(next, path, StandardProfiles()).ok()) {
      edited.skipped.push_back(denial.call + ": refused whatever its arguments are; change that rule instead: " + denial.rule);
      continue;
    }
    edited.text = std::move(next);
    added.push_back(std::move(*rule));
  }
  const policy::Model after = MOAT_TRY(policy::Parse(edited.text, path, StandardProfiles()));
  for (const policy::SyscallRule& rule : added) MOAT_TRY(Check(after, rule));
  edited.changes = policy::Diff(before, after);
  return edited;
}

std::string AboutCall(const Denial& denial) {
  const bpf::SyscallInfo* call = policy::FindAnywhere(denial.call);
  if (call == nullptr) return {};
  const std::size_t tier = std::min<std::size_t>(call->tier, std::size(kTiers) - 1);
  std::string text = "tier " + base::Number(tier) + " (" + std::string(kTiers[tier]) + "), " + std::string(call->name) + " " +
                     std::string(call->reason);
  const bool network = call->group == "sockets" && denial.arguments.find("AF_INET") != std::string::npos;
  if (network) {
    text += "\nwanted: the network, which is off. `[network] mode = \"loopback\"` gives the job a loopback of its own; "
            "nothing reaches the outside, and the rule below would only give it a socket without a network";
  } else if (denial.action == "errno ENOSYS" && denial.edit.find("tier") == std::string::npos) {
    text += "\nwanted: probably a probe for a newer call; libraries fall back when they get ENOSYS, and nothing need be changed";
  }
  return text;
}

}  // namespace moat::tool
