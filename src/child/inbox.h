// What pid 1 waits for: signals, and calls that the filter asks about before it kills (ADR 6).
#pragma once

#include "child/call.h"
#include "plan/abi.h"

namespace moat::child {

struct KernelTimespec {
  long seconds, nanoseconds;
};

// Sends the listener to who watches the job from outside (ADR 7), and keeps nothing of it. Where that
// fails nobody listens, and what the filter asks about fails.
void HandOver(const Caller& call, std::int32_t watcher, std::int32_t listener);

class Inbox {
 public:
  // What the filter asks about besides calls that it kills for.
  enum class Watch : unsigned char { kNothing, kAllocations };
  // `listener`: of the filter, or -1. All signals must be blocked.
  Inbox(const Caller& call, abi::Shared* shared, std::int32_t listener, Watch watch);
  // A signal's number; 0 when something else happened, or nothing for as long as `patience` says.
  int Wait(const KernelTimespec* patience);
  // Whatever is still asked: the caller is about to end everybody.
  void TakeRest();

 private:
  bool TakeOne();
  int TakeSignal();

  const Caller call_;
  abi::Shared* shared_;
  std::int32_t listener_, signals_ = -1;
  Watch watch_;
};

}  // namespace moat::child
