// The daemon that serves at a socket now, and gives its place to us: its half of the conversation is
// LocalDoor's, the frames are in local_protocol.h.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::serve {

class Predecessor {
 public:
  // Nothing where nobody serves. Waits for its answer, not for ever.
  static Result<std::optional<Predecessor>> Ask(const std::string& socket);

  sys::Fd TakeListener() { return std::move(listener_); }
  // We accept clients now. From here on it gives its own away.
  Status TellOpen() const;
  int channel() const { return channel_.get(); }
  // A client that it was given up by; EAGAIN when there is none now, EPIPE when there are no more.
  Result<sys::Fd> NextClient() const;

 private:
  explicit Predecessor(sys::Fd channel) : channel_(std::move(channel)) {}
  sys::Fd channel_, listener_;
};

}  // namespace moat::serve
