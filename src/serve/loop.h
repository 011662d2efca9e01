// The daemon's one thread: waits for descriptors, times and messages of other threads, and calls back.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::serve {

using Time = std::chrono::nanoseconds;  // CLOCK_MONOTONIC

class Loop {
 public:
  // `events` of epoll(7); they happened.
  using Ready = std::function<void(std::uint32_t events)>;
  using TimerId = std::uint64_t;

  static Result<std::unique_ptr<Loop>> Make();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // A descriptor is watched once. It stays the caller's, who unwatches it before it is closed. Errors
  // and hang-ups are told whatever is asked for.
  Status Watch(int fd, std::uint32_t events, Ready ready);
  Status Change(int fd, std::uint32_t events);
  // Somebody else is called for it from now on.
  void Hand(int fd, Ready ready);
  void Unwatch(int fd);

  // Once, not before `when`. 0 is no timer.
  TimerId At(Time when, std::function<void()> call);
  void Drop(TimerId timer);

  // From any thread: called soon by the loop's own.
  void Post(std::function<void()> call);
  // Later in this turn, when nothing of the caller is on the stack.
  void Defer(std::function<void()> call) { deferred_.push_back(std::move(call)); }

  // Until Stop. Calls back from here only.
  Status Run();
  void Stop() { stopped_ = true; }
  // The clock, as it was when this turn began, which is near enough and costs nothing.
  Time now() const { return now_; }

 private:
  Loop() = default;
  void Look();
  int Patience() const;
  void RunTimers();
  void RunPosted();
  void RunDeferred();

  sys::Fd epoll_, wake_;
  // By number and by generation: a descriptor that was closed and opened again in the same turn gets
  // no events of the old one.
  struct Watched {
    std::uint32_t generation = 0;
    std::shared_ptr<Ready> ready;
  };
  std::map<int, Watched> watched_;
  std::uint32_t generation_ = 0;
  std::set<std::pair<Time, TimerId>> due_;
  std::map<TimerId, std::pair<Time, std::function<void()>>> timers_;
  TimerId last_timer_ = 0;
  std::vector<std::function<void()>> deferred_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopped_ = false;
  Time now_{0};
};

}  // namespace moat::serve
