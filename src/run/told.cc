#include "run/told.h"

#include <algorithm>
#include <string>

namespace moat::run {
namespace {

constexpr std::string_view kStart = "{\"moat\":\"violation\",\"mode\":\"trap\",";
constexpr std::size_t kLongest = 1024;  // of a field

bool IsPlain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// The text of `"name":"..."`; false when it is not there, or has no end.
bool Field(std::string_view line, std::string_view name, std::string& text) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  std::size_t at = line.find(key);
  if (at == std::string_view::npos) return false;
  text.clear();
  for (at += key.size(); at < line.size() && text.size() < kLongest; ++at) {
    if (line[at] == '"') return true;
    if (line[at] == '\\' && ++at == line.size()) return false;
    text += line[at];
  }
  return false;
}

}  // namespace

std::optional<Denial> ToldBySeal(std::string_view tail) {
  const std::size_t start = tail.rfind(kStart);
  if (start == std::string_view::npos) return std::nullopt;
  const std::size_t end = tail.find('\n', start);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = tail.substr(start, end - start);
  Denial denial;
  if (!IsPlain(line) || !Field(line, "call", denial.call) || !Field(line, "arguments", denial.arguments) ||
      !Field(line, "edit", denial.edit)) {
    return std::nullopt;
  }
  denial.rule = "a seal of the program's own, as the program told";
  return denial;
}

}  // namespace moat::run
