// A helper process (`moat __spawner`) and the way to it.
//
// It is a grandchild whose parent ended at once. A direct child would not do: exec(2) gives
// every process SIGCHLD as its exit signal again, so its end would run the caller's handler,
// be taken by a wait(-1) of the caller, or be lost where SIGCHLD is ignored.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "api/protocol.h"
#include "moat/result.h"
#include "sys/fd.h"

namespace moat::api {

class Helper {
 public:
  // Starts `launcher`, waits for its first word and checks that it is of this version.
  static Result<std::unique_ptr<Helper>> Start(const std::string& launcher);
  // Hangs up and waits until it is gone; one that does not go is killed.
  ~Helper();
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  const sys::Fd& socket() const { return socket_; }
  const sys::Pidfd& process() const { return process_; }
  int pid() const { return pid_; }
  std::uint32_t NextJob() { return ++job_; }

  // Which plans it has. The slot of `plan`, else the one to put it in: the oldest.
  struct Slot {
    std::uint32_t number = 0;
    bool filled = false;
  };
  Slot SlotOf(std::uint64_t plan) const;
  void Filled(std::uint32_t slot, std::uint64_t plan);

  // The plan whose jobs install no filter in it: that of its spawner, which its first frame asks for (ADR 12). 0: none.
  std::uint64_t inherits() const { return inherits_; }
  void SetInherits(std::uint64_t plan) { inherits_ = plan; }
  bool is_new() const { return oldest_ == 0 && plans_[0] == 0; }

  // Hangs up first, so that many of them end side by side.
  void HangUp() { socket_.Close(); }
  void Kill();
  // Forgets it without ending it: the copy in a forked child, or one that goes by itself.
  void Disown() { process_.Close(); }

 private:
  Helper() = default;

  sys::Fd socket_;
  sys::Pidfd process_;
  int pid_ = -1;
  std::uint32_t job_ = 0;
  std::array<std::uint64_t, kPlanSlots> plans_{};
  std::uint32_t oldest_ = 0;
  std::uint64_t inherits_ = 0;
};

}  // namespace moat::api
