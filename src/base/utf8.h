// UTF-8 as the Unicode standard defines it: no surrogates, no overlong forms, nothing above
// U+10FFFF. Pure; core code may use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moat::base {

struct Character {
  std::uint32_t code = 0;
  std::size_t length = 0;  // in bytes; 0: the text does not begin with a valid character
};

// The first character of `text`.
inline Character DecodeUtf8(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  std::uint32_t code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kLeast[length] || code > 0x10ffff || surrogate) return {};
  return {code, length};
}

inline bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = DecodeUtf8(text).length;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Characters that do something to a terminal, an editor or a log instead of showing
// themselves: C0, DEL and C1 controls, line separators, everything that reorders text
// (CVE-2021-42574), and characters that are invisible wherever they stand.
inline bool IsTreacherous(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  if (code < 0x61c) return false;
  const auto within = [&](std::uint32_t low, std::uint32_t high) { return code >= low && code <= high; };
  return code == 0x61c || code == 0x200b || within(0x200e, 0x200f) || within(0x2028, 0x202e) ||
         within(0x2060, 0x206f) || code == 0xfeff || within(0xfff9, 0xfffb) || within(0xe0000, 0xe007f);
}

}  // namespace moat::base
