#include "sys/message.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace moat::sys {
namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(int) * kMaxMessageFds);

int DontWait(Wait wait) { return wait == Wait::kNo ? MSG_DONTWAIT : 0; }

// Everything that the kernel has put into our table is owned from here on, wanted or not.
void TakeDescriptors(struct msghdr& message, std::vector<Fd>& fds) {
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len < CMSG_LEN(0)) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
}

// Who went without having read everything is told first, once; what it said lies behind that.
ssize_t Receive(int socket, struct msghdr& message, int flags) {
  const auto room = message.msg_controllen;
  bool reset = false;
  for (;;) {
    message.msg_controllen = room;
    const ssize_t size = recvmsg(socket, &message, flags);
    if (size >= 0 || (errno != EINTR && (errno != ECONNRESET || reset))) return size;
    reset = reset || errno == ECONNRESET;
  }
}

}  // namespace

Result<std::size_t> SendMessage(int socket, std::string_view head, std::string_view body, std::span<const int> fds, Wait wait) {
  if (fds.size() > kMaxMessageFds) return BugError("too many descriptors for one message");
  struct iovec parts[2] = {{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}};
  alignas(cmsghdr) char control[kControlBytes];
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
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL | DontWait(wait));
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  return SystemError("sendmsg", errno == ECONNRESET ? EPIPE : errno, "a message");
}

Result<Message> ReceiveMessage(int socket, std::span<char> buffer, std::size_t most_fds, Wait wait) {
  alignas(cmsghdr) char control[kControlBytes];
  struct iovec part{buffer.data(), buffer.size()};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  // Not CMSG_SPACE: what that rounds up to has room for one descriptor more than was wanted.
  message.msg_controllen = CMSG_LEN(sizeof(int) * std::min(most_fds, kMaxMessageFds));
  const ssize_t size = Receive(socket, message, MSG_CMSG_CLOEXEC | DontWait(wait));
  Message received;
  if (size < 0) {
    if (errno == ECONNRESET) return received;
    return SystemError("recvmsg", errno, "a message");
  }
  TakeDescriptors(message, received.fds);
  received.size = static_cast<std::size_t>(size);
  received.whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  // Some of them would be taken for all.
  if ((message.msg_flags & MSG_CTRUNC) != 0 || received.fds.size() > most_fds) {
    received.whole = false;
    received.unwanted.swap(received.fds);
  }
  return received;
}

}  // namespace moat::sys
