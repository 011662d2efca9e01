// Wakes one that waits in poll(2): a thread that also watches its client.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "sys/fd.h"

namespace moat::web {

// What was written before Ring is seen after Wait or Clear, by the thread that called them. To see in
// poll(2) that the bell has rung is not enough: it promises nothing about memory, and ThreadSanitizer
// rightly knows the read alone. (Nor does it know eventfd_write and eventfd_read of glibc.)
class Bell {
 public:
  Bell() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  int descriptor() const { return event_.get(); }
  void Ring() const {
    const std::uint64_t one = 1;
    (void)!write(event_.get(), &one, sizeof(one));
  }
  void Clear() const { (void)Take(); }
  // Until it has rung; each ring ends one wait.
  void Wait() const {
    pollfd one = {event_.get(), POLLIN, 0};
    while (Take() == Rung::kNo) (void)poll(&one, 1, -1);
  }

 private:
  enum class Rung : unsigned char { kNo, kYes };
  Rung Take() const {
    std::uint64_t count = 0;
    return read(event_.get(), &count, sizeof(count)) == sizeof(count) ? Rung::kYes : Rung::kNo;
  }

  sys::Fd event_;
};

}  // namespace moat::web
