// The primitives of kiwi, the encoding of schema and message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fig/bytes.h"
#include "fig/fault.h"

namespace fig {

// Reads forwards and never beyond the end. The first fault stays: from then on there is nothing left
// to read, every read gives zero, and ok() is false. So a loop that asks ok() ends.
class Reader {
 public:
  // `where` names the bytes in faults, which are of the class `kind`.
  Reader(Bytes bytes, FaultClass kind, const char* where)
      : begin_(bytes.data), at_(bytes.data), end_(bytes.data + bytes.size), kind_(kind), where_(where) {}

  bool ok() const { return !fault_.has_value(); }
  Fault TakeFault() { return std::move(*fault_); }  // precondition: !ok()
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }

  std::uint8_t Byte() {
    if (at_ == end_) return Ended(), std::uint8_t{0};
    return *at_++;
  }
  std::uint32_t Uint() {
    if (at_ != end_ && *at_ < 0x80) return *at_++;
    return LongUint();
  }
  std::int32_t Int() {
    const std::uint32_t word = Uint();
    return static_cast<std::int32_t>(word >> 1 ^ (0 - (word & 1)));
  }
  std::uint64_t Uint64();
  float Float();
  std::string_view String();  // a view; without its NUL
  Bytes Raw(std::uint64_t size);
  void SkipFloat();

  void Fail(std::string detail) { FailAs(kind_, std::move(detail)); }
  void FailAs(FaultClass kind, std::string detail) { FailWith({kind, std::move(detail), offset(), where_}); }
  void FailWith(Fault fault);

 private:
  std::uint32_t LongUint();
  void Ended() { Fail("ends early"); }

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  FaultClass kind_;
  const char* where_;
  std::optional<Fault> fault_;
};

}  // namespace fig
