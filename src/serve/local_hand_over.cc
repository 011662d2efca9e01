// The local door given to another daemon, and taken from one. No connection is refused and no frame is
// lost: both hold the socket that listens for a moment, and a client is passed on with what it has
// sent and nobody has read, once it is owed nothing any more.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "pool/frames.h"
#include "serve/local_door.h"
#include "serve/local_protocol.h"

namespace moat::serve {
namespace {

using pool::BytesOf;

constexpr unsigned kMostClientsInARow = 64;

}  // namespace

bool LocalDoor::OnTakeOver(ClientId id, Client& client, std::string_view frame) {
  TakeOverFrame words;
  std::memcpy(&words, frame.data(), sizeof(words));
  words.version[sizeof(words.version) - 1] = '\0';
  // Whoever has our rights could end us and bind anew, too; nobody else takes our place.
  if (words.kind != LocalFrame::kTakeOver || !client.has_our_rights || !client.jobs.empty() || !listener_.valid()) return false;
  if (words.step == TakeOverFrame::Step::kAsk && successor_ == 0) {
    successor_ = id;
    const bool same = words.protocol == kLocalProtocol && std::strcmp(words.version, MOAT_VERSION) == 0;
    versions_ = same ? Versions::kSame : Versions::kDiffer;
    Answer answer{std::string(BytesOf(HandOverFrame{LocalFrame::kHandOver, HandOverFrame::What::kListener})), {}};
    answer.body = sys::Fd(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
    return answer.body.valid() && Send(id, client, std::move(answer));
  }
  if (words.step != TakeOverFrame::Step::kOpen || successor_ != id || place_ == Place::kPasses) return false;
  BeginHandingOver();
  return true;
}

void LocalDoor::BeginHandingOver() {
  place_ = Place::kPasses;
  loop_.Drop(std::exchange(resume_, 0));
  loop_.Unwatch(listener_.get());  // and keep it: should the other one go, we go on
  events_.succeeded();
  std::vector<ClientId> ids;
  for (const auto& [id, client] : clients_) ids.push_back(id);
  for (const ClientId id : ids) PassOnSoon(id);
}

void LocalDoor::StopHandingOver() {
  successor_ = 0;
  if (std::exchange(place_, Place::kOurs) == Place::kOurs || !*alive_ || !listener_.valid()) return;
  (void)loop_.Watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { OnConnection(); }).ok();
  for (const auto& [id, client] : clients_) {
    if (client.unsent.empty()) (void)loop_.Change(client.socket.get(), EPOLLIN).ok();
  }
  events_.failed();
}

// Cancels are still heard. The first job that has not been read stays with the socket: it is the
// successor's, and so is everything behind it.
bool LocalDoor::TakeWhileHandingOver(ClientId id, Client& client, std::uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) return false;
  if (!client.unsent.empty()) return true;
  for (;;) {
    LocalFrame kind{};
    const ssize_t size = recv(client.socket.get(), &kind, sizeof(kind), MSG_PEEK | MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return false;
    const bool cancel = size == static_cast<ssize_t>(sizeof(kind)) && kind == LocalFrame::kCancel;
    if (!cancel) {
      if (size > 0 && !loop_.Change(client.socket.get(), 0).ok()) return false;
      PassOnSoon(id);
      return true;
    }
    auto message = Receive(client);
    if (!message.ok() || !HandleAndRemove(id, client, *message)) return false;
  }
}

// Not from within what has the client in its hands.
void LocalDoor::PassOnSoon(ClientId id) {
  loop_.Defer([this, alive = alive_, id] {
    if (*alive && place_ == Place::kPasses) PassOn(id);
  });
}

void LocalDoor::PassOn(ClientId id) {
  const auto found = clients_.find(id);
  const auto successor = clients_.find(successor_);
  if (found != clients_.end() && found != successor && found->second.jobs.empty() && found->second.unsent.empty()) {
    sys::Fd socket = std::move(found->second.socket);
    loop_.Unwatch(socket.get());
    loop_.Drop(found->second.patience);
    clients_.erase(found);
    Answer answer{std::string(BytesOf(HandOverFrame{LocalFrame::kHandOver, HandOverFrame::What::kClient})), std::move(socket)};
    if (versions_ == Versions::kDiffer) {
      remover_.TakeConnection(std::move(answer.body));
    } else if (!Send(successor_, successor->second, std::move(answer))) {
      return HangUp(successor_);
    }
  }
  if (clients_.size() == 1 && successor->second.unsent.empty()) events_.empty();
}

Status LocalDoor::Succeed() {
  MOAT_TRY(loop_.Watch(predecessor_->channel(), EPOLLIN, [this](std::uint32_t) { OnPredecessor(); }));
  return predecessor_->TellOpen();
}

void LocalDoor::OnPredecessor() {
  for (unsigned i = 0; i < kMostClientsInARow; ++i) {
    auto client = predecessor_->NextClient();
    if (client.ok()) {
      Welcome(*std::move(client), Known::kYes);
      continue;
    }
    if (client.error().error_number == EAGAIN) return;
    loop_.Unwatch(predecessor_->channel());
    predecessor_.reset();
    return;
  }
}

}  // namespace moat::serve
