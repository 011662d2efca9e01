#include "cli/http/hand_over.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pool/frames.h"
#include "sys/calls.h"

namespace moat::http_tool {
namespace {

using pool::BytesOf;
using pool::ReceiveFrame;
using pool::SendFrame;
using pool::Wait;

constexpr timeval kPatience = {10, 0};
constexpr std::size_t kMostRead = 64U << 10;  // of a request that is not whole; a head has 16 KiB
constexpr char kName[] = "upgrade";

// These never change: two versions say them to each other.
enum class Word : std::uint32_t { kAsk = 0x6d6f6801, kListener, kReady, kConnection };

// By the folder's descriptor: however long the path is, and whatever becomes of its name.
struct Address {
  sys::Fd folder;
  sockaddr_un bytes{};
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

Result<Address> AddressIn(const std::string& spool) {
  Address address;
  address.folder = MOAT_TRY(sys::open(spool, O_PATH | O_DIRECTORY));
  address.bytes.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" + kName;
  std::memcpy(address.bytes.sun_path, path.data(), std::min(path.size(), sizeof(address.bytes.sun_path) - 1));
  return address;
}

Result<sys::Fd> NewSocket() {
  sys::Fd made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!made.valid()) return SystemError("socket", errno);
  return made;
}

void BePatient(const sys::Fd& channel) {
  setsockopt(channel.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(channel.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
}

Status Say(int channel, Word word) { return SendFrame(channel, BytesOf(word), {}, {}); }

// One word without more.
bool Hears(int channel, Word wanted, Wait wait) {
  Word word{};
  const auto frame = ReceiveFrame(channel, {reinterpret_cast<char*>(&word), sizeof(word)}, wait);
  return frame.ok() && frame->whole && frame->size == sizeof(word) && frame->fds.empty() && word == wanted;
}

struct Peer {
  pid_t pid = 0;
  bool is_ours = false;  // root, or our own user
};
Peer PeerOf(const sys::Fd& channel) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(channel.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return {peer.pid, peer.uid == 0 || peer.uid == geteuid()};
}

}  // namespace

Status Successor::Give(const sys::Fd& listener) {
  const Word word = Word::kListener;
  const int fd = listener.get();
  return SendFrame(channel_.get(), BytesOf(word), {}, {&fd, 1});
}

bool Successor::Pass(const sys::Fd& connection, std::string_view read) {
  if (read.size() > kMostRead) return false;
  const Word word = Word::kConnection;
  const int fd = connection.get();
  const std::lock_guard lock(mutex_);
  return SendFrame(channel_.get(), BytesOf(word), read, {&fd, 1}).ok();
}

Successor::Says Successor::Hear() const {
  pollfd one = {channel_.get(), POLLIN, 0};
  if (poll(&one, 1, 0) != 1) return Says::kNothing;
  return Hears(channel_.get(), Word::kReady, Wait::kNo) ? Says::kReady : Says::kGone;
}

Result<UpgradeDoor> UpgradeDoor::Open(const std::string& spool) {
  const Address address = MOAT_TRY(AddressIn(spool));
  UpgradeDoor door;
  door.listener_ = MOAT_TRY(NewSocket());
  if (unlinkat(address.folder.get(), kName, 0) != 0 && errno != ENOENT) return SystemError("unlinkat", errno, kName);
  if (bind(door.listener_.get(), address.get(), sizeof(address.bytes)) != 0) return SystemError("bind", errno, spool + "/" + kName);
  if (listen(door.listener_.get(), 1) != 0) return SystemError("listen", errno, spool + "/" + kName);
  return door;
}

std::unique_ptr<Successor> UpgradeDoor::Accept() const {
  sys::Fd channel(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!channel.valid() || !PeerOf(channel).is_ours) return nullptr;
  BePatient(channel);
  if (!Hears(channel.get(), Word::kAsk, Wait::kYes)) return nullptr;
  return std::make_unique<Successor>(std::move(channel));
}

Result<std::optional<Predecessor>> Predecessor::Ask(const std::string& spool) {
  auto address = AddressIn(spool);
  if (!address.ok()) return std::optional<Predecessor>();  // there is no spool yet
  Predecessor predecessor;
  predecessor.channel_ = MOAT_TRY(NewSocket());
  const int channel = predecessor.channel_.get();
  if (connect(channel, address->get(), sizeof(address->bytes)) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) return std::optional<Predecessor>();
    return SystemError("connect", errno, spool + "/" + kName);
  }
  BePatient(predecessor.channel_);
  const Peer peer = PeerOf(predecessor.channel_);
  if (!peer.is_ours) return HostError("another user's program listens in `" + spool + "`", "make the spool the daemon's own, mode 0700");
  // It may be in another pid namespace: then its end of the channel tells that it has gone.
  if (peer.pid > 0) {
    auto process = sys::pidfd_open(peer.pid);
    if (process.ok()) predecessor.process_ = *std::move(process);
  }
  MOAT_TRY(Say(channel, Word::kAsk));
  Word word{};
  auto frame = MOAT_TRY(ReceiveFrame(channel, {reinterpret_cast<char*>(&word), sizeof(word)}, Wait::kYes));
  if (frame.size != sizeof(word) || word != Word::kListener || frame.fds.size() != 1) {
    return WithFix(HostError("the daemon that uses `" + spool + "` does not give its place up"), "another one may be at it already");
  }
  predecessor.listener_ = std::move(frame.fds.front());
  return std::optional<Predecessor>(std::move(predecessor));
}

Result<std::vector<Predecessor::Connection>> Predecessor::AwaitEnd(const sys::Fd& signals) {
  MOAT_TRY(Say(channel_.get(), Word::kReady));
  std::vector<Connection> connections;
  std::vector<char> buffer(sizeof(Word) + kMostRead);
  for (;;) {
    pollfd both[2] = {{channel_.valid() ? channel_.get() : process_.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    if (poll(both, 2, -1) < 0) continue;
    if (both[1].revents != 0) return HostError("ended while the other daemon still served; that one goes on");
    if (!channel_.valid()) return connections;
    auto frame = MOAT_TRY(ReceiveFrame(channel_.get(), buffer, Wait::kYes));
    if (frame.size == 0) {
      channel_.Close();
      if (!process_.valid()) return connections;
      continue;
    }
    Word word{};
    std::memcpy(&word, buffer.data(), std::min(frame.size, sizeof(word)));
    if (!frame.whole || word != Word::kConnection || frame.fds.size() != 1) continue;
    connections.push_back({std::move(frame.fds.front()), std::string(buffer.data() + sizeof(word), frame.size - sizeof(word))});
  }
}

}  // namespace moat::http_tool
