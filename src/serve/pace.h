// A bound on how often something may be begun. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "serve/loop.h"

namespace moat::serve {

// Never more than `burst` plus `per_second` in a second, in the order in which they are asked for.
class Pace {
 public:
  Pace(std::uint64_t per_second, std::uint64_t burst) : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second), slack_(interval_ * burst) {}

  // When the next one may begin: `now`, or later. It counts as begun then.
  Time Next(Time now) {
    next_ = std::max(next_, now - slack_);
    const Time at = std::max(now, next_);
    next_ += interval_;
    if (at > now) ++held_;
    return at;
  }
  std::uint64_t held() const { return held_; }  // those that were made to wait

 private:
  const Time interval_, slack_;
  Time next_{0};
  std::uint64_t held_ = 0;
};

}  // namespace moat::serve
