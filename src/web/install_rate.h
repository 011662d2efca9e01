// Bounds and counts the seccomp filters that a daemon has installed (base/pace.h says why).
//
//   InstallRate rate;
//   if (const auto wait = rate.Take(now)) Wait(*wait); else Start();
//
// Threads: any. Times are of CLOCK_MONOTONIC.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/pace.h"

namespace moat::web {

class InstallRate {
 public:
  using Time = base::Pace::Time;

  // Nothing: one may be installed now, and is counted. Else the time after which to ask again.
  std::optional<Time> Take(Time now) {
    const std::lock_guard lock(mutex_);
    if (const Time at = pace_.When(now); at > now) {
      ++waits_;
      return at - now;
    }
    (void)pace_.Next(now);
    ++installed_;
    return std::nullopt;
  }
  std::uint64_t installed() const {
    const std::lock_guard lock(mutex_);
    return installed_;
  }
  std::uint64_t waits() const {  // asked when none might be
    const std::lock_guard lock(mutex_);
    return waits_;
  }

 private:
  mutable std::mutex mutex_;
  base::Pace pace_{base::kFiltersASecond, base::kFiltersAtOnce};
  std::uint64_t installed_ = 0, waits_ = 0;
};

}  // namespace moat::web
