#include "policy/exceptions.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/similar.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

// Long enough for a sentence: "ok" and "needed" are no reasons.
constexpr std::size_t kShortestReason = 20;

// "6.15" of "6.15.3-cloud", as numbers.
std::optional<std::pair<unsigned, unsigned>> VersionOf(std::string_view release) {
  unsigned numbers[2] = {};
  for (unsigned& number : numbers) {
    const auto [end, error] = std::from_chars(release.data(), release.data() + release.size(), number);
    if (error != std::errc()) return std::nullopt;
    release.remove_prefix(static_cast<std::size_t>(end - release.data()));
    if (&number == numbers && (release.empty() || release[0] != '.')) return std::nullopt;
    if (&number == numbers) release.remove_prefix(1);
  }
  return std::pair(numbers[0], numbers[1]);
}

struct Place {
  std::string_view section, key;
  bool KnowsKernels() const { return section == "attack"; }
  std::string What() const { return "an entry of [" + std::string(section) + "] `allow`"; }
  std::string Example() const {
    return "write { " + std::string(key) + " = \"" + (key == "rule" ? "files-write" : "shown-socket") + "\", reason = \"why it has to be so\" }";
  }
};

Status ReadKey(Exception& exception, const Place& place, const Entry& entry) {
  std::vector<std::string_view> known = {place.key, "reason"};
  if (place.KnowsKernels()) known.push_back("before_linux");
  if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
    return WithOrigin(WithFix(PolicyError("unknown key " + Quote(entry.key) + " in " + place.What()),
                              DidYouMean(base::Closest(entry.key, known))),
                      entry.origin);
  }
  if (entry.value.kind != Node::Kind::kString) {
    return PolicyError(Quote(entry.key) + " must be a string, not " + std::string(KindName(entry.value.kind)),
                       entry.value.origin);
  }
  if (entry.key == "before_linux" && !VersionOf(entry.value.text)) {
    return WithFix(PolicyError("`before_linux` is not a version: " + Quote(entry.value.text), entry.value.origin), "write it as \"6.15\"");
  }
  std::string& text = entry.key == place.key ? exception.name : entry.key == "reason" ? exception.reason : exception.before_linux;
  text = entry.value.text;
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

bool AppliesTo(const Exception& exception, std::string_view kernel_release) {
  if (exception.before_linux.empty()) return true;
  const auto kernel = VersionOf(kernel_release);
  return kernel && *kernel < *VersionOf(exception.before_linux);
}

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
