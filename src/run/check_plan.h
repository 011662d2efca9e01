// A plan comes out of a file or from another process: nothing of it is used before every offset in
// it was seen to stay inside.
#pragma once

#include <string_view>

#include "moat/result.h"
#include "plan/abi.h"

namespace moat::run {

class CheckedPlan {
 public:
  // kBug when it does not hold together. The bytes are borrowed and must not change.
  static Result<CheckedPlan> Check(std::string_view plan);

  std::string_view bytes() const { return bytes_; }
  abi::Header header() const;
  std::string_view Text(abi::Offset offset) const;

 private:
  explicit CheckedPlan(std::string_view bytes) : bytes_(bytes) {}
  std::string_view bytes_;
};

}  // namespace moat::run
