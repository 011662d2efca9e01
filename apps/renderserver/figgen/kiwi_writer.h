// Kiwi's primitives, written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace figgen {

// Appends to a string of bytes.
class KiwiWriter {
 public:
  void Byte(std::uint8_t value) { bytes_ += static_cast<char>(value); }
  void Uint(std::uint32_t value) { Groups(value); }
  void Int(std::int32_t value);
  void Uint64(std::uint64_t value);
  void Int64(std::int64_t value);
  void Float(float value);
  void String(std::string_view text);  // up to its first NUL
  void Raw(std::string_view bytes) { bytes_ += bytes; }

  const std::string& bytes() const { return bytes_; }

 private:
  void Groups(std::uint64_t value);
  std::string bytes_;
};

}  // namespace figgen
