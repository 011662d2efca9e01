#include "watch/listener.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "sys/calls.h"

// Linux 6.6; the headers of Debian 12 lack it.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

namespace moat::watch {
namespace {
constexpr unsigned long kWakeOnSameProcessor = 1;  // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
}

// One of the two always waits for the other: on one processor they hand over faster. Older kernels refuse.
Listener::Listener(sys::Fd fd) : fd_(std::move(fd)) {
  if (fd_.valid()) (void)ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, kWakeOnSameProcessor);
}

std::optional<seccomp_notif> Listener::Take() {
  seccomp_notif question;
  std::memset(&question, 0, sizeof(question));  // the kernel insists
  if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, &question) != 0) return std::nullopt;
  return question;
}

bool Listener::StillAsked(std::uint64_t id) const { return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

void Listener::Refuse(std::uint64_t id, int error_number) {
  seccomp_notif_resp answer{id, 0, -error_number, 0};
  (void)ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

void Listener::LetGo(std::uint64_t id) {
  seccomp_notif_resp answer{id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
  (void)ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

// The number names the asker for as long as it asks: held first, looked at then. SIGKILL takes the whole
// process. An asker that is no leader of its group cannot be held by pidfd_open; the signal
// then goes to the number, between two looks that it still asks.
void Listener::Kill(const seccomp_notif& question) {
  auto held = sys::pidfd_open(static_cast<int>(question.pid));
  if (!StillAsked(question.id)) return;
  if (held.ok()) {
    (void)syscall(SYS_pidfd_send_signal, held->get(), SIGKILL, nullptr, 0);
  } else if (question.pid > 1) {
    (void)kill(static_cast<pid_t>(question.pid), SIGKILL);
  }
  Refuse(question.id, EPERM);  // whoever outlives it, by whatever means, has no call
}

Result<Listener> Receive(int socket) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got = 0;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* rights = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return SystemError("recvmsg", got < 0 ? errno : ECONNRESET, "the listener");
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
  return Listener(sys::Fd(fd));
}

}  // namespace moat::watch
