// One packet over a SOCK_SEQPACKET socket, with descriptors beside it: sys/message.h, with a bound of our own.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "moat/result.h"
#include "sys/message.h"

namespace moat::pool {

// Linux passes at most 253 in one packet; nobody here needs as many.
inline constexpr std::size_t kMaxFrameFds = 64;

using sys::BytesOf;
using sys::Wait;

// EPIPE when nobody holds the other end any more (ECONNRESET is turned into it); EAGAIN with kNo.
Status SendFrame(int socket, std::string_view head, std::string_view body, std::span<const int> fds, Wait wait = Wait::kYes);

using Frame = sys::Message;
// As sys::ReceiveMessage. EAGAIN with kNo when there is none; a size of 0: the other end is gone.
Result<Frame> ReceiveFrame(int socket, std::span<char> buffer, Wait wait);

}  // namespace moat::pool
