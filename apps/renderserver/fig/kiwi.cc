#include "fig/kiwi.h"

namespace fig {

void Reader::FailWith(Fault fault) {
  if (!fault_) fault_ = std::move(fault);
  at_ = end_;
}

std::uint32_t Reader::LongUint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (at_ == end_) return Ended(), 0;
    const std::uint8_t byte = *at_++;
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte & 0x80) continue;
    if (value <= UINT32_MAX) return static_cast<std::uint32_t>(value);
    break;
  }
  return Fail("a number of more than 32 bits"), 0;
}

std::uint64_t Reader::Uint64() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 56; shift += 7) {
    if (at_ == end_) return Ended(), 0;
    const std::uint8_t byte = *at_++;
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (!(byte & 0x80)) return value;
  }
  return value | std::uint64_t{Byte()} << 56;  // the ninth byte has no mark
}

float Reader::Float() {
  if (at_ != end_ && *at_ == 0) return ++at_, 0.0f;
  if (left() < 4) return Ended(), 0.0f;
  const std::uint32_t stored = Load32({at_, 4}, 0);
  at_ += 4;
  // The exponent is stored first, so that a zero is one byte.
  const std::uint32_t bits = stored << 23 | stored >> 9;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

void Reader::SkipFloat() {
  if (at_ != end_ && *at_ == 0) {
    ++at_;
  } else {
    Raw(4);
  }
}

std::string_view Reader::String() {
  const void* nul = at_ == end_ ? nullptr : std::memchr(at_, 0, left());
  if (nul == nullptr) return Fail("a text without its end"), std::string_view();
  const std::string_view text(reinterpret_cast<const char*>(at_),
                              static_cast<std::size_t>(static_cast<const std::uint8_t*>(nul) - at_));
  at_ += text.size() + 1;
  return text;
}

Bytes Reader::Raw(std::uint64_t size) {
  if (size > left()) return Ended(), Bytes{};
  const Bytes bytes{at_, static_cast<std::size_t>(size)};
  at_ += size;
  return bytes;
}

}  // namespace fig
