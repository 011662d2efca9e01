// Runs the kAside ops of a plan on another processor while the launcher prepares the mounts:
// a network namespace takes as long to make as everything else together.
#pragma once

#include "child/interpret.h"
#include "moat/result.h"
#include "run/live_plan.h"

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

}  // namespace moat::run
