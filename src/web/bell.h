// Wakes one that waits in poll(2): a thread that also watches its client.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>

#include "sys/fd.h"

namespace moat::web {

class Bell {
 public:
  Bell() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  int descriptor() const { return event_.get(); }
  void Ring() const { (void)eventfd_write(event_.get(), 1); }
  void Clear() const {
    eventfd_t count = 0;
    (void)eventfd_read(event_.get(), &count);
  }
  void Wait() const {
    pollfd one = {event_.get(), POLLIN, 0};
    while (poll(&one, 1, -1) != 1) {
    }
  }

 private:
  sys::Fd event_;
};

}  // namespace moat::web
