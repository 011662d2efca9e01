#include "policy/exceptions.h"

#include "base/similar.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

// Long enough for a sentence: "ok" and "needed" are no reasons.
constexpr std::size_t kShortestReason = 20;

constexpr std::string_view kExample = "write { rule = \"files-write\", reason = \"why it has to be so\" }";

Status ReadKey(LintException& exception, const Entry& entry) {
  constexpr std::string_view kKeys[] = {"rule", "reason"};
  if (entry.key != "rule" && entry.key != "reason") {
    return WithOrigin(WithFix(PolicyError("unknown key " + Quote(entry.key) + " in an entry of [lint] `allow`"),
                              DidYouMean(base::Closest(entry.key, kKeys))),
                      entry.origin);
  }
  if (entry.value.kind != Node::Kind::kString) {
    return PolicyError(Quote(entry.key) + " must be a string, not " + std::string(KindName(entry.value.kind)),
                       entry.value.origin);
  }
  (entry.key == "rule" ? exception.rule : exception.reason) = entry.value.text;
  return {};
}

Result<LintException> ReadException(const Node& node) {
  if (node.kind != Node::Kind::kTable) {
    return WithFix(PolicyError("an entry of [lint] `allow` is a table with a reason", node.origin), std::string(kExample));
  }
  LintException exception;
  exception.origin = node.origin;
  for (const Entry& entry : node.entries) MOAT_TRY(ReadKey(exception, entry));
  if (exception.rule.empty()) {
    return WithFix(PolicyError("`rule` is missing in an entry of [lint] `allow`", node.origin), std::string(kExample));
  }
  if (exception.reason.size() < kShortestReason) {
    return WithFix(PolicyError("the exception for " + Quote(exception.rule) + " has no reason that says anything",
                               node.origin),
                   "say in a sentence why this policy needs it and what keeps it harmless");
  }
  return exception;
}

}  // namespace

Status ReadExceptions(std::vector<LintException>& exceptions, const Entry& allow) {
  if (allow.value.kind != Node::Kind::kArray) {
    return WithFix(PolicyError("`allow` must be a list, not " + std::string(KindName(allow.value.kind)), allow.value.origin),
                   std::string(kExample));
  }
  for (const Node& node : allow.value.items) {
    LintException exception = MOAT_TRY(ReadException(node));
    for (const LintException& before : exceptions) {
      if (before.rule == exception.rule && before.origin.file == exception.origin.file) {
        return PolicyError("the exception for " + Quote(exception.rule) + " is said twice", exception.origin);
      }
    }
    exceptions.push_back(std::move(exception));
  }
  return {};
}

}  // namespace moat::policy
