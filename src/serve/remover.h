// Closes what strangers gave us, without waiting for it. Closing the last descriptor of a socket waits for as long as
// its owner has said (SO_LINGER: a day, if he likes), and so does closing a socket in whose queue such a one lies;
// everybody else would wait with us. The kernel does not wait in a thread that ends: so one is made that has copies of
// all descriptors, and ends once ours are closed.
#pragma once

#include <memory>
#include <vector>

#include "serve/loop.h"
#include "sys/fd.h"

namespace moat::serve {

// Lives in the loop, which it must not outlive.
class Remover {
 public:
  explicit Remover(Loop& loop) : loop_(loop) {}
  ~Remover();
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;

  // Files and pipes are closed at once; what closing may wait for, before the loop waits again.
  void Take(sys::Fd fd);
  void Take(std::vector<sys::Fd> fds);
  // Of a client that goes, a unix SOCK_SEQPACKET socket: at once where nothing lies in it unread.
  void TakeConnection(sys::Fd socket);

 private:
  Loop& loop_;
  std::vector<sys::Fd> taken_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace moat::serve
