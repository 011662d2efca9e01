// Files of the kernel's with a "name value" in each line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moat::run {

// The digits at the beginning; nothing when there are none, or too many.
inline std::optional<std::uint64_t> ToNumber(std::string_view text) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    const auto digit = static_cast<std::uint64_t>(text[digits] - '0');
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) return std::nullopt;
  }
  if (digits == 0) return std::nullopt;
  return value;
}

// 3 of "oom_kill 3"; nothing when no line has that name.
inline std::optional<std::uint64_t> Field(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ' ') {
      return ToNumber(line.substr(name.size() + 1));
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return std::nullopt;
}

}  // namespace moat::run
