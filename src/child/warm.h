// A program that was started before it has a job: led up to the place where it would look at one, and kept there
// until the job has come (ADR 13).
#pragma once

#include "child/inbox.h"
#include "child/tracee.h"
#include "plan/abi.h"

namespace moat::child {

class Warming {
 public:
  Warming(abi::Shared* shared, std::int32_t program) : shared_(shared), program_(program), tracee_(program) {}
  // The program has not executed anything yet, and shares this process' memory. False: it cannot be led, and
  // waits as without all this.
  bool Begin(const Caller& call);
  bool leads() const { return leads_; }

  // Returns when the job is there and the program goes on. False: it has ended, with `status`, or was called off.
  bool AwaitJob(Inbox& inbox, std::int32_t& status);

 private:
  enum class Fate : unsigned char { kLives, kEnded };
  Fate TakeStops(std::int32_t& status);
  void TakeStop(std::uint32_t status);
  void TakeExec();
  void TakeCall();
  void TakeEvent(std::uint32_t event, std::uint32_t signal);
  bool TakeBreakpoint();
  bool StandsAtBreakpoint() const;
  bool RemoveBreakpoint();
  abi::WarmStop Judge(const CallInfo& info) const;
  bool LooksAtInput(std::uint64_t address) const;
  void GoOn(std::uint32_t signal);
  void Halt(abi::WarmStop why);
  void Release();

  abi::Shared* shared_;
  const std::int32_t program_;
  const Tracee tracee_;
  bool leads_ = false;
  bool begun_ = false;              // past the loader: each call is looked at
  bool halted_ = false, interrupted_ = false;
  std::uint64_t entry_ = 0, word_ = 0;  // of the breakpoint; 0: there is none
  std::int32_t another_ = 0;        // that it made too early, and which stands still, or will
  bool another_stands_ = false;
};

}  // namespace moat::child
