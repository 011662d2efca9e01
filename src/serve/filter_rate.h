// Bounds and counts the seccomp filters that the daemon's jails have installed (base/pace.h says why).
#pragma once

#include <cstdint>
#include <mutex>

#include "base/pace.h"

namespace moat::serve {

// Threads: any.
class FilterRate {
 public:
  using Time = base::Pace::Time;  // of CLOCK_MONOTONIC

  // When one more may be installed, `now` or later; it counts.
  Time Next(Time now) {
    const std::lock_guard lock(mutex_);
    ++installed_;
    return pace_.Next(now);
  }
  std::uint64_t installed() const {
    const std::lock_guard lock(mutex_);
    return installed_;
  }

 private:
  mutable std::mutex mutex_;
  base::Pace pace_{base::kFiltersASecond, base::kFiltersAtOnce};
  std::uint64_t installed_ = 0;
};

}  // namespace moat::serve
