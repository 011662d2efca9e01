// CancelToken: an eventfd that is written once and never read.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "moat/sandbox.h"
#include "sys/fd.h"

namespace moat {

struct CancelToken::State {
  sys::Fd event;
};

Result<CancelToken> CancelToken::Make() {
  sys::Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return SystemError("eventfd", errno);
  return CancelToken(std::make_shared<const State>(State{std::move(event)}));
}

void CancelToken::Cancel() const {
  const int before = errno;
  const std::uint64_t one = 1;
  if (state_ != nullptr) (void)!write(state_->event.get(), &one, sizeof(one));
  errno = before;
}

bool CancelToken::cancelled() const {
  struct pollfd entry{descriptor(), POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

int CancelToken::descriptor() const { return state_ == nullptr ? -1 : state_->event.get(); }

}  // namespace moat
