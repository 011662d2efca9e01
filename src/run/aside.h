// Runs the kAside ops of a plan on another processor while the launcher prepares the mounts:
// a network namespace takes as long to make as everything else together.
#pragma once

#include "child/interpret.h"
#include "moat/result.h"
#include "run/live_plan.h"
#include "sys/fd.h"

namespace moat::run {

// A helper process that shares memory and descriptors with the launcher and makes only the
// system calls of the ops. Threads: to be started and joined by one thread. The destructor
// joins.
class Aside {
 public:
  explicit Aside(LivePlan& plan) : plan_(plan) {}
  ~Aside() { Join(); }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  // All signals must be blocked. Without a helper (clone failed) the ops run in Join.
  void Start();
  // Waits for the end; failed_op = kNoOp when every op succeeded.
  child::Outcome Join();

 private:
  static int Body(void* self);
  void RunOps();

  LivePlan& plan_;
  int pid_ = 0;
  bool started_ = false;
  child::Outcome outcome_;
  void* stack_ = nullptr;
};

// The same two calls that a plan's kAside phase begins with, begun before the plan is even
// found: the launcher knows that nearly every job wants a network namespace of its own.
class NetworkAhead {
 public:
  NetworkAhead() = default;
  ~NetworkAhead() { Take(); }
  NetworkAhead(const NetworkAhead&) = delete;
  NetworkAhead& operator=(const NetworkAhead&) = delete;

  void Start();
  bool started() const { return pid_ != 0 || fd_ >= 0; }
  // Waits, and keeps the namespace for Take: nothing is left running or to be reaped.
  void Settle();
  // Waits; the namespace, or an invalid descriptor when it could not be made: the plan's own
  // ops are then run as usual and tell why.
  sys::Fd Take();

 private:
  static int Body(void* self);

  int pid_ = 0;
  int fd_ = -1;
  void* stack_ = nullptr;
};

}  // namespace moat::run
