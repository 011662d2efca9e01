// What is known to go wrong with a policy, compared with one: rules are data (spec/lint.toml), each
// finding names the line and the fix. Nothing is started, and nothing is read but what the caller gives.
//
//   lint::Subject subject{model};
//   for (const lint::Finding& each : lint::Lint(subject)) puts(each.message.c_str());
//
// Pure. Findings come in the order of the rules; those that the policy's [lint] section accepts are
// among them, with the reason.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "plan/host_facts.h"
#include "policy/model.h"

namespace moat::lint {

enum class Severity : std::uint8_t { kInfo, kWarning, kError };
std::string_view SeverityName(Severity severity);  // "warning"

// A setting of the host worth a remark; from probe/hardening.h.
struct HostNote {
  std::string text, fix;
};

struct Subject {
  const policy::Model& model;
  const policy::Model* base = nullptr;        // of the policy's own `base`; nullptr: it has none
  const plan::HostView* view = nullptr;       // nullptr: rules about the host's files are left out
  const std::vector<HostNote>* host = nullptr;  // nullptr: rules about the host are left out
  std::string kernel;                         // "6.18.44", with `host`
};

struct Finding {
  std::string rule;
  Severity severity = Severity::kInfo;
  std::string message;
  std::string why, fix, reference;
  Origin origin;          // empty: moat's built-in default, or something that nobody said
  std::string accepted;   // the reason given in [lint]; "" when it is not accepted
};

Result<std::vector<Finding>> Lint(const Subject& subject);
// A policy that the reader refuses is one finding.
Finding InvalidPolicy(const Error& error);

// The worst that is not accepted; kInfo when there is nothing.
Severity Worst(const std::vector<Finding>& findings);
bool AnyOpen(const std::vector<Finding>& findings, Severity at_least);

// One policy's findings in three forms. `name` is what the caller called it by.
struct Linted {
  std::string name;
  std::vector<Finding> findings;
};
std::string PrintText(const std::vector<Linted>& all);
std::string PrintJson(const std::vector<Linted>& all);
std::string PrintSarif(const std::vector<Linted>& all);  // SARIF 2.1.0

}  // namespace moat::lint
