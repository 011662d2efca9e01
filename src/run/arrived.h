// Signals that say that something arrived at a descriptor (F_SETSIG, fcntl(2)).
#pragma once

#include <poll.h>
#include <sys/signalfd.h>

#include <csignal>

namespace moat::run {

// True of such a signal when there is nothing: whoever sent it was held up between putting its message there and
// saying so, and the message was taken in between, before anybody asked to be told.
inline bool NothingArrived(const struct signalfd_siginfo& info) {
  if (info.ssi_code < POLL_IN || info.ssi_code > POLL_HUP) return false;  // somebody's kill(2), or the like
  struct pollfd entry{info.ssi_fd, POLLIN, 0};
  return poll(&entry, 1, 0) == 0;
}

}  // namespace moat::run
