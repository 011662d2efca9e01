// Messages over a unix socket, with descriptors beside them. unix(7), SCM_RIGHTS; sendmsg(2), recvmsg(2).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::sys {

// The kernel passes no more in one message (SCM_MAX_FD).
inline constexpr std::size_t kMaxMessageFds = 253;

enum class Wait : unsigned char { kNo, kYes };

// Sends `head` and `body` behind each other and returns how many bytes went: all of them where the socket
// keeps messages apart. The descriptors stay the caller's. EPIPE when nobody holds the other end any more
// (ECONNRESET is turned into it), without a signal; EAGAIN with kNo. EINTR is retried.
Result<std::size_t> SendMessage(int socket, std::string_view head, std::string_view body, std::span<const int> fds,
                                Wait wait = Wait::kYes);

struct Message {
  std::size_t size = 0;  // 0: the other end is gone, or sent nothing
  bool whole = false;    // neither bytes nor descriptors were cut off
  std::vector<Fd> fds;   // close-on-exec; in the order in which they were sent
  std::vector<Fd> unwanted;  // came with what is not whole. For who must not wait for a stranger's socket to close
};

// Bytes go to `buffer`; those beyond it are lost, and `whole` is false. Whoever sends more than `most_fds`
// descriptors has none of them taken: they are `unwanted`, or closed by the kernel, and `whole` is false. EAGAIN with kNo when there is
// no message. EINTR is retried, and what lies behind an ECONNRESET is still read.
Result<Message> ReceiveMessage(int socket, std::span<char> buffer, std::size_t most_fds, Wait wait = Wait::kYes);

template <typename T>
std::string_view BytesOf(const T& head) {
  return {reinterpret_cast<const char*>(&head), sizeof(head)};
}

}  // namespace moat::sys
