#include "pool/frames.h"

namespace moat::pool {

Status SendFrame(int socket, std::string_view head, std::string_view body, std::span<const int> fds, Wait wait) {
  if (fds.size() > kMaxFrameFds) return BugError("too many descriptors for one frame");
  auto sent = sys::SendMessage(socket, head, body, fds, wait);
  return sent.ok() ? Status() : std::move(sent).error();
}

Result<Frame> ReceiveFrame(int socket, std::span<char> buffer, Wait wait) {
  return sys::ReceiveMessage(socket, buffer, kMaxFrameFds, wait);
}

}  // namespace moat::pool
