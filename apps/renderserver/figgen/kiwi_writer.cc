#include "figgen/kiwi_writer.h"

#include <cstring>

namespace figgen {

void KiwiWriter::Groups(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) Byte(static_cast<std::uint8_t>(value | 0x80));
  Byte(static_cast<std::uint8_t>(value));
}

void KiwiWriter::Int(std::int32_t value) {
  Uint(static_cast<std::uint32_t>(value) << 1 ^ static_cast<std::uint32_t>(value >> 31));
}

void KiwiWriter::Uint64(std::uint64_t value) {
  for (int i = 0; i < 8; ++i, value >>= 7) {
    if (value < 0x80) return Byte(static_cast<std::uint8_t>(value));
    Byte(static_cast<std::uint8_t>(value | 0x80));
  }
  Byte(static_cast<std::uint8_t>(value));  // the ninth has eight bits
}

void KiwiWriter::Int64(std::int64_t value) {
  Uint64(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

void KiwiWriter::Float(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = bits >> 23 | bits << 9;  // the exponent first
  if ((bits & 0xFF) == 0) return Byte(0);
  for (int i = 0; i < 4; ++i, bits >>= 8) Byte(static_cast<std::uint8_t>(bits));
}

void KiwiWriter::String(std::string_view text) {
  bytes_ += text.substr(0, text.find('\0'));
  Byte(0);
}

}  // namespace figgen
