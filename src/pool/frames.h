// One packet over a SOCK_SEQPACKET socket, with descriptors beside it.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::pool {

// Linux passes at most 253 in one packet; nobody here needs as many.
inline constexpr std::size_t kMaxFrameFds = 64;

enum class Wait : unsigned char { kNo, kYes };

// EPIPE when nobody holds the other end any more (ECONNRESET is turned into it); EAGAIN with kNo.
Status SendFrame(int socket, std::string_view head, std::string_view body, std::span<const int> fds, Wait wait = Wait::kYes);

struct Frame {
  std::size_t size = 0;  // 0: the other end is gone
  bool whole = false;    // neither bytes nor descriptors were cut off
  std::vector<sys::Fd> fds;
};
// EAGAIN with kNo when there is none. Bytes go to `buffer`; those beyond it are lost, and `whole` false.
Result<Frame> ReceiveFrame(int socket, std::span<char> buffer, Wait wait);

template <typename T>
std::string_view BytesOf(const T& head) {
  return {reinterpret_cast<const char*>(&head), sizeof(head)};
}

}  // namespace moat::pool
