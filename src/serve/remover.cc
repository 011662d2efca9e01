#include "serve/remover.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <semaphore>
#include <system_error>
#include <thread>
#include <utility>

namespace moat::serve {
namespace {

// Files of every kind are harmless here: those of file systems that their users make are not let in (docs/pool.md).
bool MayWait(const sys::Fd& fd) {
  struct stat facts;
  if (!fd.valid()) return false;
  if (fstat(fd.get(), &facts) != 0) return true;
  return !S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode) && !S_ISCHR(facts.st_mode) && !S_ISDIR(facts.st_mode);
}

// Nothing more comes, and a message of no bytes may have descriptors beside it: that there is one at all is told by the
// credentials that the kernel adds to each. With no room for anything else, nothing is taken.
bool HasUnread(const sys::Fd& socket) {
  const int on = 1;
  if (shutdown(socket.get(), SHUT_RDWR) != 0 || setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) return true;
  for (int i = 0; i < 2; ++i) {  // an ECONNRESET is told first, once
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    char byte;
    struct iovec part{&byte, 1};
    struct msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (recvmsg(socket.get(), &message, MSG_PEEK | MSG_DONTWAIT) >= 0) return message.msg_controllen != 0;
  }
  return true;
}

struct Turns {
  std::binary_semaphore has_copies{0}, may_end{0};
  bool failed = false;
};

// True: a thread has copies of all descriptors. It ends when it is told to.
bool MakeCopies(const std::shared_ptr<Turns>& turns) {
  try {
    std::thread([turns] {
      turns->failed = unshare(CLONE_FILES) != 0;
      turns->has_copies.release();
      if (!turns->failed) turns->may_end.acquire();
    }).detach();
  } catch (const std::system_error&) {
    return false;
  }
  turns->has_copies.acquire();
  return !turns->failed;
}

void CloseAll(std::vector<sys::Fd> fds) {
  const auto turns = std::make_shared<Turns>();
  if (!MakeCopies(turns)) {
    // Who holds a copy can set it anew; that much is left to chance where there are no threads to be had.
    const struct linger none {};
    for (const sys::Fd& fd : fds) setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  }
  fds.clear();
  turns->may_end.release();
}

}  // namespace

Remover::~Remover() {
  *alive_ = false;
  if (!taken_.empty()) CloseAll(std::move(taken_));
}

void Remover::Take(sys::Fd fd) {
  if (!MayWait(fd)) return;
  taken_.push_back(std::move(fd));
  if (taken_.size() > 1) return;
  loop_.Defer([this, alive = alive_] {
    if (*alive) CloseAll(std::exchange(taken_, {}));
  });
}

void Remover::TakeConnection(sys::Fd socket) {
  if (socket.valid() && HasUnread(socket)) Take(std::move(socket));
}

void Remover::Take(std::vector<sys::Fd> fds) {
  for (sys::Fd& fd : fds) Take(std::move(fd));
}

}  // namespace moat::serve
