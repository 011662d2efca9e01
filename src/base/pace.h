// A bound on how often something may be begun. Pure; not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace moat::base {

// Never more than `burst` plus `per_second` in a second, in the order in which they are asked for.
class Pace {
 public:
  using Time = std::chrono::nanoseconds;  // of CLOCK_MONOTONIC

  Pace(std::uint64_t per_second, std::uint64_t burst)
      : interval_(Time(std::chrono::seconds(1)) / per_second), slack_(interval_ * burst) {}

  // When the next one may begin: `now`, or later.
  Time When(Time now) const { return std::max(now, Due(now)); }
  // The same, and it counts as begun then.
  Time Next(Time now) {
    const Time at = When(now);
    next_ = Due(now) + interval_;
    return at;
  }

 private:
  Time Due(Time now) const { return std::max(next_, now - slack_); }  // what was not used is saved up, and no more

  const Time interval_, slack_;
  Time next_{0};
};

// Filters that a daemon has installed. The kernel frees a filter behind an RCU grace period, and a host that is asked
// for thousands a second hangs for good (seen on Linux 6.18). Two daemons, as in an upgrade, stay below a
// thousand together. Inherited filters are none.
inline constexpr std::uint64_t kFiltersASecond = 400, kFiltersAtOnce = 40;

}  // namespace moat::base
