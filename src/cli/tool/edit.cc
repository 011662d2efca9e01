#include "cli/tool/edit.h"

#include <algorithm>

#include "base/text.h"
#include "bpf/syscall_table.h"
#include "cli/tool/compile.h"
#include "learn/write.h"
#include "policy/diff.h"
#include "policy/verdicts.h"
#include "policy/when.h"
#include "watch/paths.h"
#include "watch/rules.h"

namespace moat::tool {
namespace {

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

// What an edit is, read as a policy of its own: one rule that allows, or one line that shows a file.
struct Edit {
  std::vector<policy::SyscallRule> rules;
  std::string shown;
};

Result<Edit> EditOf(const Denial& denial) {
  const Error none = PolicyError(denial.call + ": no rule can allow it" + (denial.path.empty() ? "" : ", " + denial.path));
  if (denial.edit.empty()) return none;
  auto model = policy::Parse("moat = 1\n" + denial.edit, "edit", StandardProfiles());
  if (!model.ok()) return none;
  const auto& rules = model->syscalls.rules;
  const auto& files = model->files.rules;
  if (rules.size() == 1 && files.empty() && rules.front().action.kind == policy::DoKind::kAllow) return Edit{rules, ""};
  const bool shows = rules.empty() && files.size() == 1 && files.front().access == policy::FileAccess::kRead && files.front().source == denial.path;
  return shows ? Result<Edit>(Edit{{}, files.front().source}) : Result<Edit>(none);
}

Result<std::string> With(const Edit& edit, const Denial& denial, const std::string& text, const std::string& path) {
  std::string next;
  if (edit.shown.empty()) {
    next = watch::ApplyEdit(text, denial.edit);
  } else {
    next = MOAT_TRY(learn::WithLine(text, "files", "read", learn::Line(edit.shown, "needed, as a denial showed")));
  }
  if (policy::Parse(next, path, StandardProfiles()).ok()) return next;
  return PolicyError(denial.call + ": refused whatever its arguments are; change that rule instead: " + denial.rule);
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
    // A report comes from somewhere: what it calls an edit is one of the two kinds, or it is nothing.
    auto edit = EditOf(denial);
    auto next = edit.ok() ? With(*edit, denial, edited.text, path) : Result<std::string>(edit.error());
    if (!next.ok()) {
      edited.skipped.push_back(next.error().ToString());
      continue;
    }
    edited.text = std::move(*next);
    added.insert(added.end(), edit->rules.begin(), edit->rules.end());
  }
  const policy::Model after = MOAT_TRY(policy::Parse(edited.text, path, StandardProfiles()));
  for (const policy::SyscallRule& rule : added) MOAT_TRY(Check(after, rule));
  edited.changes = policy::Diff(before, after);
  return edited;
}

}  // namespace moat::tool
