#include "lint/lint.h"

#include <algorithm>

#include "bpf/syscall_table.h"
#include "lint/filter.h"
#include "lint/rule.h"
#include "policy/scalars.h"
#include "policy/verdicts.h"

namespace moat::lint {
namespace {

void CheckGranted(const Filter& filter, const Rule& rule, Findings& findings) {
  for (const std::string_view words : Lines(rule.granted)) {
    const Filter::Answer answer = filter.Ask(words);
    if (answer.granted) findings.Add(policy::Quote(words) + " is granted", answer.origin);
  }
}

// Whether somebody refused the call in so many words: by a rule without a condition, or in `deny`. What
// is merely not in the list of what is allowed was not thought of as a wall.
const Origin* RefusedInWords(const policy::Model& model, std::string_view name) {
  for (const policy::SyscallRule& rule : model.syscalls.rules) {
    if (rule.call == name && rule.when.empty()) return policy::Grants(rule.action) ? nullptr : &rule.origin;
  }
  for (const auto& entry : model.syscalls.deny) {
    if (entry.value == name) return &entry.origin;
  }
  return nullptr;
}

void CheckFamily(const policy::Model& model, const Filter& filter, const Rule& rule, Findings& findings) {
  const auto names = Lines(rule.family);
  std::string open;
  for (const std::string_view name : names) {
    if (filter.Ask(name).granted) open += (open.empty() ? "`" : ", `") + std::string(name) + "`";
  }
  if (open.empty()) return;
  for (const std::string_view name : names) {
    const Origin* where = RefusedInWords(model, name);
    if (where == nullptr || filter.Ask(name).granted) continue;
    findings.Add(policy::Quote(name) + " is refused, but not " + open, *where);
    return;
  }
}

// A policy accepts what it says itself, and what nobody said.
std::string AcceptedBy(const policy::Model& model, std::string_view rule, const Origin& origin) {
  for (const policy::Exception& exception : model.lint_allow) {
    const bool covers = origin.empty() || exception.origin.file == origin.file;
    if (exception.name == rule && covers) return exception.reason;
  }
  return {};
}

Finding Make(const Rule& rule, std::string message, Origin origin) {
  return {std::string(rule.id), rule.severity, std::move(message), std::string(rule.why), std::string(rule.fix),
          std::string(rule.reference), std::move(origin), {}};
}

bool LooksAt(const Subject& subject, Needs needs) {
  switch (needs) {
    case Needs::kPolicy: return true;
    case Needs::kFiles: return subject.view != nullptr;
    case Needs::kHost: return subject.host != nullptr;
    case Needs::kElsewhere: return false;
  }
  return false;
}

// Last, for it asks what the others found. An exception of a base is the base's own business.
void CheckUnused(const Subject& subject, std::vector<Finding>& findings) {
  const Rule* rule = FindRule("exception-unused");
  const std::string own = subject.model.sources.empty() ? "" : subject.model.sources.front();
  for (const policy::Exception& exception : subject.model.lint_allow) {
    const Rule* named = FindRule(exception.name);
    if (rule == nullptr || named == nullptr || !LooksAt(subject, named->needs) || exception.origin.file != own) continue;
    const bool used = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
      return finding.rule == exception.name && finding.accepted == exception.reason;
    });
    if (!used) findings.push_back(Make(*rule, "nothing triggers " + policy::Quote(exception.name), exception.origin));
  }
}

}  // namespace

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kError: return "error";
  }
  return "?";
}

const Rule* FindRule(std::string_view id) {
  for (const Rule& rule : Rules()) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

Result<std::vector<Finding>> Lint(const Subject& subject) {
  const Filter filter = MOAT_TRY(Filter::Of(subject.model));
  std::vector<Finding> all;
  for (const Rule& rule : Rules()) {
    if (!LooksAt(subject, rule.needs)) continue;
    Findings findings;
    CheckGranted(filter, rule, findings);
    CheckFamily(subject.model, filter, rule, findings);
    if (rule.check != nullptr) rule.check(subject, findings);
    for (const Findings::Item& item : findings.all()) {
      all.push_back(Make(rule, item.message, item.origin));
      all.back().accepted = AcceptedBy(subject.model, rule.id, item.origin);
    }
  }
  CheckUnused(subject, all);
  return all;
}

Finding InvalidPolicy(const Error& error) {
  const Rule* rule = FindRule("policy-invalid");
  Finding finding = Make(*rule, error.message, error.origin);
  if (!error.fix.empty()) finding.fix = error.fix;
  return finding;
}

bool AnyOpen(const std::vector<Finding>& findings, Severity at_least) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.accepted.empty() && finding.severity >= at_least;
  });
}

Severity Worst(const std::vector<Finding>& findings) {
  if (AnyOpen(findings, Severity::kError)) return Severity::kError;
  return AnyOpen(findings, Severity::kWarning) ? Severity::kWarning : Severity::kInfo;
}

}  // namespace moat::lint
