// Text into a fixed buffer; what does not fit is cut. Safe in signal handlers: no memory, no libc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace moat::seal {

class Line {
 public:
  Line(char* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  void Text(std::string_view text) {
    for (const char c : text) Byte(c);
  }
  void Number(std::uint64_t value) { Digits(value, 10); }
  void Signed(std::int64_t value) {
    if (value < 0) Byte('-');
    Digits(value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value), 10);
  }
  void Hex(std::uint64_t value) {
    Text("0x");
    Digits(value, 16);
  }
  // The inside of a JSON string. What is not plain ASCII is shown as \\xNN: the text stays one
  // line of valid JSON whatever is in it.
  void Inert(std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
        Byte(c);
      } else {
        Text("\\\\x");
        Byte("0123456789abcdef"[byte >> 4]);
        Byte("0123456789abcdef"[byte & 15]);
      }
    }
  }
  std::size_t used() const { return used_; }
  std::size_t room() const { return size_ - used_; }

 private:
  void Byte(char c) {
    if (used_ < size_) bytes_[used_++] = c;
  }
  void Digits(std::uint64_t value, unsigned base) {
    char digits[20];
    int n = 0;
    do {
      digits[n++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (n > 0) Byte(digits[--n]);
  }

  char* bytes_;
  std::size_t size_;
  std::size_t used_ = 0;
};

}  // namespace moat::seal
