// Bounds how many seccomp filters a daemon has installed in a second. The kernel frees a filter behind
// an RCU grace period, and a host that is asked for thousands a second hangs for good (seen on Linux
// 6.18). Two daemons, as in an upgrade, stay below a thousand together. Inherited filters are none.
//
//   InstallRate rate;
//   if (const auto wait = rate.Take(now)) Wait(*wait); else Start();
//
// Threads: any. Times are of CLOCK_MONOTONIC.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace moat::web {

class InstallRate {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr double kASecond = 400, kAtOnce = 40;

  // Nothing: one may be installed now, and is counted. Else the time after which to ask again.
  std::optional<Time> Take(Time now) {
    const std::lock_guard lock(mutex_);
    Fill(now);
    if (left_ < 1) {
      ++waits_;
      return Time(static_cast<std::int64_t>((1 - left_) / kASecond * 1e9) + 1);
    }
    left_ -= 1;
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
  void Fill(Time now) {
    if (now > at_) left_ = std::min(kAtOnce, left_ + static_cast<double>((now - at_).count()) / 1e9 * kASecond);
    at_ = std::max(at_, now);
  }

  mutable std::mutex mutex_;
  double left_ = kAtOnce;
  Time at_{0};
  std::uint64_t installed_ = 0, waits_ = 0;
};

}  // namespace moat::web
