#include "policy/exceptions.h"

#include "base/similar.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

// Long enough for a sentence: "ok" and "needed" are no reasons.
constexpr std::size_t kShortestReason = 20;

struct Place {
  std::string_view section, key;
  std::string What() const { return "an entry of [" + std::string(section) + "] `allow`"; }
  std::string Example() const {
    return "write { " + std::string(key) + " = \"" + (key == "rule" ? "files-write" : "shown-socket") + "\", reason = \"why it has to be so\" }";
  }
};

Status ReadKey(Exception& exception, const Place& place, const Entry& entry) {
  const std::string_view known[] = {place.key, "reason"};
  if (entry.key != place.key && entry.key != "reason") {
    return WithOrigin(WithFix(PolicyError("unknown key " + Quote(entry.key) + " in " + place.What()),
                              DidYouMean(base::Closest(entry.key, known))),
                      entry.origin);
  }
  if (entry.value.kind != Node::Kind::kString) {
    return PolicyError(Quote(entry.key) + " must be a string, not " + std::string(KindName(entry.value.kind)),
                       entry.value.origin);
  }
  (entry.key == place.key ? exception.name : exception.reason) = entry.value.text;
  return {};
}

Result<Exception> ReadException(const Place& place, const Node& node) {
  if (node.kind != Node::Kind::kTable) {
    return WithFix(PolicyError(place.What() + " is a table with a reason", node.origin), place.Example());
  }
  Exception exception;
  exception.origin = node.origin;
  for (const Entry& entry : node.entries) MOAT_TRY(ReadKey(exception, place, entry));
  if (exception.name.empty()) {
    return WithFix(PolicyError(Quote(place.key) + " is missing in " + place.What(), node.origin), place.Example());
  }
  if (exception.reason.size() < kShortestReason) {
    return WithFix(PolicyError("the exception for " + Quote(exception.name) + " has no reason that says anything",
                               node.origin),
                   "say in a sentence why this policy needs it and what keeps it harmless");
  }
  return exception;
}

}  // namespace

std::string_view ExceptionKey(std::string_view section) { return section == "lint" ? "rule" : "probe"; }

Status ReadExceptions(std::vector<Exception>& exceptions, std::string_view section, const Entry& allow) {
  const Place place{section, ExceptionKey(section)};
  if (allow.value.kind != Node::Kind::kArray) {
    return WithFix(PolicyError("`allow` must be a list, not " + std::string(KindName(allow.value.kind)), allow.value.origin),
                   place.Example());
  }
  for (const Node& node : allow.value.items) {
    Exception exception = MOAT_TRY(ReadException(place, node));
    for (const Exception& before : exceptions) {
      if (before.name == exception.name && before.origin.file == exception.origin.file) {
        return PolicyError("the exception for " + Quote(exception.name) + " is said twice", exception.origin);
      }
    }
    exceptions.push_back(std::move(exception));
  }
  return {};
}

}  // namespace moat::policy
