// The kernel's questions: seccomp_unotify(2). One owner, one thread.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::watch {

class Listener {
 public:
  Listener() = default;
  explicit Listener(sys::Fd fd);

  bool valid() const { return fd_.valid(); }
  int descriptor() const { return fd_.get(); }
  void Close() { fd_.Close(); }

  // The next question; none when its asker is gone meanwhile.
  std::optional<seccomp_notif> Take();
  bool StillAsked(std::uint64_t id) const;
  void Refuse(std::uint64_t id, int error_number);
  // Not a decision about safety: the caller could change what was looked at. For modes that enforce nothing.
  void LetGo(std::uint64_t id);
  // Ends the process that asked; its call is never made.
  void Kill(const seccomp_notif& question);

 private:
  sys::Fd fd_;
};

// Waits for the descriptor that pid 1 sends through `socket`. An error when none came before it closed.
Result<Listener> Receive(int socket);

}  // namespace moat::watch
