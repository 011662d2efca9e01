// Words of a policy that stand for values, and values back as words.
#include <algorithm>
#include <vector>

#include "base/errno_name.h"
#include "base/similar.h"
#include "base/text.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

constexpr int kLastErrno = 133;  // EHWPOISON

struct Verb {
  std::string_view word;
  Do action;
};

constexpr Verb kVerbs[] = {
    {"allow", {DoKind::kAllow, 0}}, {"kill", {DoKind::kKill, 0}},     {"notify", {DoKind::kNotify, 0}},
    {"log", {DoKind::kLog, 0}},     {"success", {DoKind::kErrno, 0}},
};

void AppendEscaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (byte < 0x20 || byte == 0x7f) {
    out += "\\u00";
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  } else {
    out += c;
  }
}

}  // namespace

Result<Do> ParseDo(std::string_view text) {
  std::vector<std::string_view> known;
  for (const Verb& verb : kVerbs) {
    if (verb.word == text) return verb.action;
    known.push_back(verb.word);
  }
  for (int number = 1; number <= kLastErrno; ++number) {
    const std::string_view name = base::ErrnoName(number);
    if (name == text) return Do{DoKind::kErrno, static_cast<std::uint16_t>(number)};
    if (!name.empty() && name[0] == 'E') known.push_back(name);
  }
  std::string fix = DidYouMean(base::Closest(text, known));
  if (fix.empty()) fix = "one of `allow`, `kill`, `notify`, `log`, `success`, or an errno such as `EPERM`";
  if (text == "deny") fix = "say how: `EPERM`, another errno, or `kill`";
  return WithFix(PolicyError(Quote(text) + " is not something to do with a call"), fix);
}

std::string DoText(const Do& action) {
  if (action.kind == DoKind::kErrno && action.error_number != 0) {
    return std::string(base::ErrnoName(action.error_number));
  }
  for (const Verb& verb : kVerbs) {
    if (verb.action == action) return std::string(verb.word);
  }
  return "kill";
}

std::string QuoteToml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) AppendEscaped(out, c);
  return out + "\"";
}

std::string Quote(std::string_view text) {
  constexpr std::size_t kLongest = 120;
  std::string out = "`";
  for (const char c : text.substr(0, kLongest)) {
    if (c == '"' || c == '\\') {
      out += c;
    } else {
      AppendEscaped(out, c);
    }
  }
  if (text.size() > kLongest) out += "...";
  return out + "`";
}

std::string DidYouMean(const std::string& closest) {
  return closest.empty() ? std::string() : "did you mean " + Quote(closest) + "?";
}

}  // namespace moat::policy
