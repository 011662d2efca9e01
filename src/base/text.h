// Small text helpers that core code may use: no streams, no locale. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moat::base {

inline void AppendNumber(std::string& out, std::uint64_t value) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (n > 0) out += digits[--n];
}

inline std::string Number(std::uint64_t value) {
  std::string out;
  AppendNumber(out, value);
  return out;
}

inline std::string SignedNumber(std::int64_t value) {
  std::string out;
  if (value < 0) out += '-';
  AppendNumber(out, value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value));
  return out;
}

inline std::string Hex(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + digits;
}

}  // namespace moat::base
