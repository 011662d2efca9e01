// The policy as a text among others: its base, its mode, its exceptions.
#include "bpf/syscall_table.h"
#include "lint/filter.h"
#include "lint/rule.h"
#include "policy/files.h"
#include "policy/paths.h"
#include "policy/scalars.h"
#include "policy/verdicts.h"

namespace moat::lint {

using policy::FileAccess;
using policy::Quote;

namespace {

template <typename T>
void Raised(const policy::Setting<T>& mine, const policy::Setting<T>& base, std::string_view key, Findings& findings) {
  if (mine.value > base.value) findings.Add("`" + std::string(key) + "` is higher than in the base", mine.origin);
}

bool Shows(const policy::Model& model, const policy::FileRule& rule) {
  for (const policy::FileRule& each : model.files.rules) {
    if (!each.source.empty() && policy::IsWithin(rule.source, each.source) && each.access == rule.access) return true;
  }
  return false;
}

}  // namespace

void CheckNetworkLoopback(const Subject& subject, Findings& findings) {
  const auto& mode = subject.model.network;
  if (mode.value == policy::NetworkMode::kLoopback) findings.Add("`mode` is \"loopback\"", mode.origin);
}
void CheckModeBestEffort(const Subject& subject, Findings& findings) {
  const auto& best_effort = subject.model.mode.best_effort;
  if (best_effort.value == policy::BestEffort::kYes) findings.Add("`best_effort` is on", best_effort.origin);
}
void CheckModeReportOnly(const Subject& subject, Findings& findings) {
  const auto& enforce = subject.model.mode.enforce;
  if (enforce.value < 100) findings.Add("`enforce` is less than 100%", enforce.origin);
}

void CheckPolicyWithoutBase(const Subject& subject, Findings& findings) {
  // The profile that others build on has none to build on.
  if (subject.model.bases.empty() && subject.model.name != "default") findings.Add("there is no `base`");
}
void CheckPolicyWithoutDescription(const Subject& subject, Findings& findings) {
  const bool inherited = subject.base != nullptr && subject.base->description == subject.model.description;
  if (subject.model.description.empty() || inherited) findings.Add("there is no `description`");
}

void CheckPolicyWidensCalls(const Subject& subject, Findings& findings) {
  if (subject.base == nullptr) return;
  const auto mine = Filter::Of(subject.model), base = Filter::Of(*subject.base);
  if (!mine.ok() || !base.ok()) return;
  for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
    const Filter::Answer answer = mine->Ask(call.name);
    if (answer.granted && !base->Ask(call.name).granted) findings.Add(Quote(call.name) + " is refused by the base", answer.origin);
  }
}
void CheckPolicyWidensFiles(const Subject& subject, Findings& findings) {
  if (subject.base == nullptr) return;
  for (const policy::FileRule& rule : subject.model.files.rules) {
    const bool shows = rule.access == FileAccess::kRead || rule.access == FileAccess::kWrite || rule.access == FileAccess::kDevice;
    if (!shows || policy::FromGroup(rule) || Shows(*subject.base, rule)) continue;
    findings.Add(Quote(rule.source) + " is not shown by the base", rule.origin);
  }
}
void CheckPolicyWidensLimits(const Subject& subject, Findings& findings) {
  if (subject.base == nullptr) return;
  const policy::Limits &mine = subject.model.limits, &base = subject.base->limits;
  Raised(mine.wall, base.wall, "wall", findings);
  Raised(mine.memory, base.memory, "memory", findings);
  Raised(mine.pids, base.pids, "pids", findings);
  Raised(mine.files, base.files, "files", findings);
  Raised(mine.output, base.output, "output", findings);
  Raised(mine.output_files, base.output_files, "output_files", findings);
  Raised(mine.out_stream, base.out_stream, "stdout", findings);
  Raised(mine.err_stream, base.err_stream, "stderr", findings);
  Raised(mine.locked, base.locked, "locked", findings);
  Raised(mine.input, base.input, "input", findings);
}
void CheckPolicyWidensEnvironment(const Subject& subject, Findings& findings) {
  if (subject.base == nullptr) return;
  for (const auto& entry : subject.model.environment.pass) {
    bool known = false;
    for (const auto& each : subject.base->environment.pass) known = known || each.value == entry.value;
    if (!known) findings.Add("`pass` of " + Quote(entry.value) + " is not in the base", entry.origin);
  }
}

void CheckExceptionUnknown(const Subject& subject, Findings& findings) {
  for (const policy::Exception& exception : subject.model.lint_allow) {
    if (FindRule(exception.name) == nullptr) findings.Add("there is no rule " + Quote(exception.name), exception.origin);
  }
}

}  // namespace moat::lint
