// Findings for people and for programs.
#include "base/json.h"
#include "base/safe_text.h"
#include "base/text.h"
#include "lint/lint.h"
#include "lint/rule.h"

namespace moat::lint {
namespace {

struct Counts {
  std::uint64_t errors = 0, warnings = 0, notes = 0, accepted = 0;
};

Counts Count(const std::vector<Finding>& findings) {
  Counts counts;
  for (const Finding& finding : findings) {
    if (!finding.accepted.empty()) {
      ++counts.accepted;
    } else if (finding.severity == Severity::kError) {
      ++counts.errors;
    } else if (finding.severity == Severity::kWarning) {
      ++counts.warnings;
    } else {
      ++counts.notes;
    }
  }
  return counts;
}

std::string Plural(std::uint64_t count, std::string_view what) {
  return base::Number(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string Line(const Finding& finding, const std::string& name) {
  const std::string where = finding.origin.empty() ? name : finding.origin.ToString();
  std::string out = base::Printable(where) + ": " + std::string(SeverityName(finding.severity)) + ": " +
                    base::Printable(finding.message) + " [" + finding.rule + "]\n";
  if (!finding.accepted.empty()) return out + "    accepted: " + base::Printable(finding.accepted) + "\n";
  return out + "    why: " + finding.why + "\n    fix: " + base::Printable(finding.fix) + "\n";
}

}  // namespace

std::string PrintText(const std::vector<Linted>& all) {
  std::string out;
  for (const Linted& linted : all) {
    for (const Finding& finding : linted.findings) out += Line(finding, linted.name);
    const Counts counts = Count(linted.findings);
    out += base::Printable(linted.name) + ": " + Plural(counts.errors, "error") + ", " + Plural(counts.warnings, "warning") + ", " +
           Plural(counts.notes, "remark") + ", " + base::Number(counts.accepted) + " accepted; " +
           base::Number(Rules().size()) + " rules\n";
  }
  return out;
}

std::string PrintJson(const std::vector<Linted>& all) {
  base::JsonWriter json;
  json.BeginObject().Key("policies").BeginArray();
  for (const Linted& linted : all) {
    const Counts counts = Count(linted.findings);
    json.BeginObject().Key("policy").Text(linted.name);
    json.Key("errors").Number(counts.errors).Key("warnings").Number(counts.warnings);
    json.Key("infos").Number(counts.notes).Key("accepted").Number(counts.accepted);
    json.Key("findings").BeginArray();
    for (const Finding& finding : linted.findings) {
      json.BeginObject().Key("rule").Text(finding.rule).Key("severity").Text(SeverityName(finding.severity));
      json.Key("message").Text(finding.message).Key("why").Text(finding.why).Key("fix").Text(finding.fix);
      json.Key("reference").Text(finding.reference);
      json.Key("file").Text(finding.origin.file).Key("line").Number(finding.origin.line).Key("column").Number(finding.origin.column);
      if (!finding.accepted.empty()) json.Key("accepted").Text(finding.accepted);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return std::move(json).Take();
}

}  // namespace moat::lint
