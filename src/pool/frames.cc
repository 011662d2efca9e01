#include "pool/frames.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace moat::pool {

Status SendFrame(int socket, std::string_view head, std::string_view body, std::span<const int> fds, Wait wait) {
  if (fds.size() > kMaxFrameFds) return BugError("too many descriptors for one frame");
  struct iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFrameFds)];
  struct msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = body.empty() ? 1 : 2;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    std::memset(control, 0, message.msg_controllen);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL | (wait == Wait::kNo ? MSG_DONTWAIT : 0));
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  return SystemError("sendmsg", errno == ECONNRESET ? EPIPE : errno, "a frame");
}

Result<Frame> ReceiveFrame(int socket, std::span<char> buffer, Wait wait) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFrameFds)];
  struct iovec part{buffer.data(), buffer.size()};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t size;
  bool reset = false;
  for (;;) {
    size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (wait == Wait::kNo ? MSG_DONTWAIT : 0));
    if (size >= 0) break;
    // Who went without having read everything is told first, once; what it said lies behind that.
    const bool first_reset = errno == ECONNRESET && !reset;
    if (errno != EINTR && !first_reset) break;
    reset = reset || first_reset;
  }
  Frame frame;
  if (size < 0) {
    if (errno == ECONNRESET) return frame;
    return SystemError("recvmsg", errno, "a frame");
  }
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
      frame.fds.emplace_back(fd);
    }
  }
  frame.size = static_cast<std::size_t>(size);
  frame.whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  return frame;
}

}  // namespace moat::pool
