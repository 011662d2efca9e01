// The filter as a whole.
#include "bpf/syscall_table.h"
#include "lint/filter.h"
#include "lint/rule.h"
#include "policy/scalars.h"
#include "policy/verdicts.h"

namespace moat::lint {

using policy::DoKind;
using policy::Quote;

namespace {

const policy::SyscallRule* UnconditionalGrant(const Subject& subject, std::uint8_t tier, std::size_t& from) {
  const auto& rules = subject.model.syscalls.rules;
  for (; from < rules.size(); ++from) {
    const policy::SyscallRule& rule = rules[from];
    const bpf::SyscallInfo* call = policy::FindAnywhere(rule.call);
    const bool granted = rule.action.kind != DoKind::kErrno && rule.action.kind != DoKind::kKill;
    if (call != nullptr && granted && call->tier == tier) return &rules[from++];
  }
  return nullptr;
}

// Answered ENOSYS, or not at all when it is granted (another rule's business).
void ExpectEnosys(const Subject& subject, std::string_view call, Findings& findings) {
  const auto filter = Filter::Of(subject.model);
  if (!filter.ok()) return;
  const Filter::Answer answer = filter->Ask(call);
  if (answer.granted || answer.action == bpf::Errno(38)) return;
  findings.Add(Quote(call) + " is answered with " + answer.action.ToString(), answer.origin);
}

}  // namespace

void CheckFilterUnknownNotEnosys(const Subject& subject, Findings& findings) {
  const auto& unknown = subject.model.syscalls.unknown;
  if (!policy::Grants(unknown.value) && policy::DoText(unknown.value) != "ENOSYS") {
    findings.Add("calls newer than the table get " + Quote(policy::DoText(unknown.value)), unknown.origin);
  }
}

void CheckFilterDefaultKills(const Subject& subject, Findings& findings) {
  const auto& otherwise = subject.model.syscalls.otherwise;
  if (otherwise.value.kind == DoKind::kKill) findings.Add("calls that nothing mentions kill the job", otherwise.origin);
}

void CheckFilterNotifies(const Subject& subject, Findings& findings) {
  for (const auto* each : {&subject.model.syscalls.otherwise, &subject.model.syscalls.unknown}) {
    if (each->value.kind == DoKind::kNotify) findings.Add("calls are answered with `notify`", each->origin);
  }
  for (const auto& rule : subject.model.syscalls.rules) {
    if (rule.action.kind == DoKind::kNotify) findings.Add(Quote(rule.call) + " is answered with `notify`", rule.origin);
  }
}

void CheckFilterLogs(const Subject& subject, Findings& findings) {
  for (const auto& rule : subject.model.syscalls.rules) {
    if (rule.action.kind == DoKind::kLog) findings.Add(Quote(rule.call) + " is let through with a log line", rule.origin);
  }
}

void CheckFilterTier4(const Subject& subject, Findings& findings) {
  std::size_t from = 0;
  while (const auto* rule = UnconditionalGrant(subject, 4, from)) {
    findings.Add(Quote(rule->call) + " is of tier 4, and granted", rule->origin);
  }
}

void CheckFilterTier3(const Subject& subject, Findings& findings) {
  std::size_t from = 0;
  while (const auto* rule = UnconditionalGrant(subject, 3, from)) {
    if (!rule->when.empty()) continue;  // narrowed: somebody thought about it
    findings.Add(Quote(rule->call) + " is of tier 3, and granted for all arguments", rule->origin);
  }
}

void CheckFilterReasonThin(const Subject& subject, Findings& findings) {
  constexpr std::size_t kShortest = 12;
  for (const auto& rule : subject.model.syscalls.rules) {
    if (!policy::Grants(rule.action) || rule.reason.size() >= kShortest) continue;
    findings.Add("the rule that grants " + Quote(rule.call) + (rule.reason.empty() ? " has no reason" : " says only " + Quote(rule.reason)),
                 rule.origin);
  }
}

void CheckFilterBroadRule(const Subject& subject, Findings& findings) {
  if (subject.base == nullptr) return;
  const auto& base = subject.base->syscalls.rules;
  for (const auto& rule : subject.model.syscalls.rules) {
    if (!policy::Grants(rule.action) || !rule.when.empty()) continue;
    for (const auto& narrower : base) {
      if (narrower.call != rule.call || narrower.when.empty() || narrower.origin.file == rule.origin.file) continue;
      findings.Add(Quote(rule.call) + " is granted for all arguments; its base decides by " + Quote(narrower.when), rule.origin);
      break;
    }
  }
}

void CheckClone3NotEnosys(const Subject& subject, Findings& findings) { ExpectEnosys(subject, "clone3", findings); }
void CheckIoUringNotEnosys(const Subject& subject, Findings& findings) { ExpectEnosys(subject, "io_uring_setup", findings); }

}  // namespace moat::lint
