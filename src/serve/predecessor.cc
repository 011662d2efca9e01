#include "serve/predecessor.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/safe_text.h"
#include "pool/frames.h"
#include "serve/local_protocol.h"

namespace moat::serve {
namespace {

using pool::BytesOf;
using pool::ReceiveFrame;
using pool::SendFrame;
using pool::Wait;

constexpr timeval kPatience = {30, 0};

TakeOverFrame Words(TakeOverFrame::Step step) {
  TakeOverFrame frame;
  frame.step = step;
  static_assert(sizeof(MOAT_VERSION) <= sizeof(frame.version));
  std::memcpy(frame.version, MOAT_VERSION, sizeof(MOAT_VERSION));
  return frame;
}

// Its one descriptor.
Result<sys::Fd> Receive(int channel, HandOverFrame::What what, Wait wait) {
  HandOverFrame head;
  auto frame = MOAT_TRY(ReceiveFrame(channel, {reinterpret_cast<char*>(&head), sizeof(head)}, wait));
  if (frame.size == 0) return SystemError("recvmsg", EPIPE, "the daemon that serves now");
  const bool good = frame.whole && frame.size == sizeof(head) && head.kind == LocalFrame::kHandOver && head.what == what;
  if (!good || frame.fds.size() != 1) return BugError("a word of the daemon that serves now that is none");
  return std::move(frame.fds.front());
}

Status AwaitHello(int channel) {
  LocalHello hello;  // of whichever version
  const auto frame = MOAT_TRY(ReceiveFrame(channel, {reinterpret_cast<char*>(&hello), sizeof(hello)}, Wait::kYes));
  if (frame.size != 0 && hello.kind == LocalFrame::kHello) return {};
  return WithFix(HostError("the daemon that serves now hung up"), "only root and its own user may take its place");
}

// Whoever listens there gives us what clients will trust: in a folder that others may write to it could be anybody.
Status CheckOwner(int channel, const std::string& socket) {
  struct ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return SystemError("getsockopt", errno, socket);
  if (peer.uid == 0 || peer.uid == geteuid()) return {};
  return WithFix(HostError("another user's program listens at `" + base::Printable(socket) + "`"),
                 "put the socket into a folder that only root and the daemon's user may write to");
}

}  // namespace

Result<std::optional<Predecessor>> Predecessor::Ask(const std::string& socket) {
  struct sockaddr_un address{};
  if (socket.size() >= sizeof(address.sun_path)) return SystemError("connect", ENAMETOOLONG, socket);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  sys::Fd channel(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!channel.valid()) return SystemError("socket", errno);
  setsockopt(channel.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  if (connect(channel.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) return std::optional<Predecessor>();
    return SystemError("connect", errno, socket);
  }
  MOAT_TRY(CheckOwner(channel.get(), socket));
  MOAT_TRY(AwaitHello(channel.get()));
  MOAT_TRY(SendFrame(channel.get(), BytesOf(Words(TakeOverFrame::Step::kAsk)), {}, {}));
  Predecessor predecessor(std::move(channel));
  auto listener = Receive(predecessor.channel(), HandOverFrame::What::kListener, Wait::kYes);
  if (!listener.ok()) {
    return WithFix(HostError("the daemon at `" + socket + "` did not give its place up: " + listener.error().ToString()),
                   "only root and its own user may take it, one at a time");
  }
  predecessor.listener_ = *std::move(listener);
  return std::optional<Predecessor>(std::move(predecessor));
}

Status Predecessor::TellOpen() const { return SendFrame(channel_.get(), BytesOf(Words(TakeOverFrame::Step::kOpen)), {}, {}); }

Result<sys::Fd> Predecessor::NextClient() const { return Receive(channel_.get(), HandOverFrame::What::kClient, Wait::kNo); }

}  // namespace moat::serve
