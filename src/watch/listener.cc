#include "watch/listener.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "sys/calls.h"
#include "sys/message.h"

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
  auto message = MOAT_TRY(sys::ReceiveMessage(socket, {&byte, 1}, 1));
  if (message.fds.size() != 1) return SystemError("recvmsg", ECONNRESET, "the listener");
  return Listener(std::move(message.fds.front()));
}

}  // namespace moat::watch
