#include "web/http/reactor.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>

#include "web/http/listen.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

const char* Reason(int status) {
  switch (status) {
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    default:
      return "Bad Request";
  }
}

}  // namespace

Reactor::Reactor(sys::Fd listener, Options options, Answer answer)
    : listener_(std::move(listener)), options_(options), answer_(std::move(answer)) {}

Result<std::unique_ptr<Reactor>> Reactor::Make(sys::Fd listener, Options options, Answer answer) {
  std::unique_ptr<Reactor> reactor(new Reactor(std::move(listener), options, std::move(answer)));
  Reactor* raw = reactor.get();
  raw->epoll_ = sys::Fd(epoll_create1(EPOLL_CLOEXEC));
  raw->end_ = sys::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  raw->spare_ = MOAT_TRY(sys::open("/dev/null", O_RDONLY));
  if (!raw->epoll_.valid() || !raw->end_.valid()) return SystemError("epoll_create1", errno);
  MOAT_TRY(raw->Arm(raw->listener_.get(), kListener, EPOLL_CTL_ADD));
  epoll_event end{};
  end.events = EPOLLIN;  // stays readable: every thread hears it
  end.data.u64 = kEnd;
  if (epoll_ctl(raw->epoll_.get(), EPOLL_CTL_ADD, raw->end_.get(), &end) != 0) return SystemError("epoll_ctl", errno);
  return reactor;
}

void Reactor::Start() {
  for (unsigned i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Loop(); });
  threads_.emplace_back([this] { Sweep(); });
}

Reactor::~Reactor() {
  ends_ = true;
  if (end_.valid()) (void)eventfd_write(end_.get(), 1);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, connection] : connections_) connection->Shut();
    ending_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void Reactor::StopAccepting() { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr); }

// Those that a thread has go when it is done with them; those that nobody has go now. An event of such
// a one that a thread has in its hands already finds nobody of that number.
void Reactor::HandOver(Pass pass) {
  StopAccepting();
  const std::lock_guard lock(mutex_);
  pass_ = std::move(pass);
  passes_ = true;
  for (auto each = connections_.begin(); each != connections_.end();) {
    const bool gone = each->second->place == Connection::Place::kIdle && each->second->Pass(pass_);
    each = gone ? connections_.erase(each) : std::next(each);
  }
}

void Reactor::TakeBack() {
  {
    const std::lock_guard lock(mutex_);
    passes_ = false;
  }
  (void)Arm(listener_.get(), kListener, EPOLL_CTL_ADD);
}

// Something may have been read of it that no event tells of any more.
void Reactor::Adopt(sys::Fd socket, std::string read) { AcceptOne(std::move(socket), std::move(read), For::kAtOnce); }

bool Reactor::PassOn(Connection& connection) {
  if (!passes_) return false;
  const std::lock_guard lock(mutex_);
  if (!passes_ || !connection.Pass(pass_)) return false;
  connections_.erase(connection.number());
  return true;
}

std::uint64_t Reactor::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

Status Reactor::Arm(int fd, std::uint64_t who, int how, For wanted) const {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT | (wanted == For::kAtOnce ? EPOLLOUT : 0U);
  event.data.u64 = who;
  return epoll_ctl(epoll_.get(), how, fd, &event) == 0 ? Status() : Status(SystemError("epoll_ctl", errno));
}

Status Reactor::ArmConnection(const Connection& connection, int how, For wanted) const {
  return Arm(connection.number(), kFirst + static_cast<std::uint64_t>(connection.number()), how, wanted);
}

// It is this thread's from here on, unless somebody has passed it on.
Connection* Reactor::Take(std::uint64_t who) {
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(static_cast<int>(who - kFirst));
  if (found == connections_.end() || found->second->place == Connection::Place::kBusy) return nullptr;
  found->second->drains = found->second->place == Connection::Place::kDraining;
  found->second->place = Connection::Place::kBusy;
  return found->second.get();
}

// To whichever thread hears of it next, which may close it at once: behind this lock nothing of it is
// touched any more. It is what orders the two; epoll itself promises nothing about memory.
Status Reactor::LeaveToDrain(Connection& connection) {
  const std::lock_guard lock(mutex_);
  connection.place = Connection::Place::kDraining;
  return ArmConnection(connection, EPOLL_CTL_MOD);
}

void Reactor::Loop() {
  while (!ends_) {
    epoll_event event{};
    const int ready = epoll_wait(epoll_.get(), &event, 1, -1);
    if (ready != 1 || event.data.u64 == kEnd) continue;
    if (event.data.u64 == kListener) {
      Accept();
    } else if (Connection* connection = Take(event.data.u64); connection != nullptr) {
      ServeOrClose(*connection);
    }
  }
}

// Out of memory, usually: this client is lost, and its memory is there for the others.
void Reactor::ServeOrClose(Connection& connection) {
  const int number = connection.number();
  try {
    return Serve(connection);
  } catch (const std::exception&) {
    Connection::Current() = nullptr;
  }
  const std::lock_guard lock(mutex_);
  connections_.erase(number);
}

// False: nobody waits, or nobody can be taken in.
bool Reactor::AcceptNext() {
  sys::Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.valid()) {
    AcceptOne(std::move(socket), {}, For::kReading);
    return true;
  }
  if (errno != EMFILE && errno != ENFILE) return false;
  TurnOneAway();
  MakeRoom();
  return true;
}

void Reactor::Accept() {
  try {
    for (int i = 0; i < 16 && AcceptNext(); ++i) {
    }
  } catch (const std::exception&) {
    MakeRoom();
  }
  (void)Arm(listener_.get(), kListener, EPOLL_CTL_MOD);  // fails where nobody is accepted any more
}

// Without a descriptor the client would wait, and epoll would call us again and again: one is kept for
// turning it away.
void Reactor::TurnOneAway() {
  const std::lock_guard lock(spare_mutex_);
  spare_.Close();
  sys::Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)).Close();
  auto again = sys::open("/dev/null", O_RDONLY);
  if (again.ok()) spare_ = *std::move(again);
}

void Reactor::AcceptOne(sys::Fd socket, std::string read, For wanted) {
  if (connections() >= options_.connections) MakeRoom();
  if (connections() >= options_.connections * 2) return;
  // What was read before there was TLS would go before the first words of a client that TLS makes known.
  if (!read.empty() && options_.tls != nullptr && options_.tls->Get() != nullptr) return;
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const int number = socket.get();
  std::string remote = RemoteOf(socket);
  std::unique_ptr<TlsSession> tls;
  if (auto context = options_.tls == nullptr ? nullptr : options_.tls->Get(); context != nullptr) {
    tls = TlsSession::Start(std::move(context), number);
    if (tls == nullptr) return;  // no memory: as without a descriptor
  }
  auto connection = std::make_unique<Connection>(std::move(socket), std::move(tls), std::move(remote), std::move(read));
  connection->deadline_ns = sys::NowNs() + options_.idle_ns;
  const std::lock_guard lock(mutex_);
  if (passes_ && connection->Pass(pass_)) return;
  if (ArmConnection(*connection, EPOLL_CTL_ADD, wanted).ok()) connections_[number] = std::move(connection);
}

// One that has had its last answer goes, else the client that has been idle for longest, at once: the rest of the
// world wants in.
void Reactor::MakeRoom() {
  const std::lock_guard lock(mutex_);
  const auto rank = [](const auto& entry) {
    if (entry.second->place == Connection::Place::kDraining) return std::uint64_t{0};
    return entry.second->place == Connection::Place::kIdle ? entry.second->deadline_ns.load() : UINT64_MAX;
  };
  const auto oldest = std::min_element(connections_.begin(), connections_.end(),
                                       [&](const auto& one, const auto& other) { return rank(one) < rank(other); });
  if (oldest != connections_.end() && rank(*oldest) != UINT64_MAX) connections_.erase(oldest);
}

void Reactor::Serve(Connection& connection) {
  if (connection.drains) {
    const bool there = connection.Drain() == Connection::Client::kThere && !ends_;
    if (!there || !LeaveToDrain(connection).ok()) Close(connection);
    return;
  }
  while (!ends_) {
    switch (connection.FillHead()) {
      case Connection::Fill::kGone:
        return Close(connection);
      case Connection::Fill::kTooLong:
        return Refuse(connection, 431);
      case Connection::Fill::kMore:
        return Idle(connection);
      case Connection::Fill::kComplete:
        break;
    }
    const RequestHead head = ReadHead(connection.Head());
    if (head.status != 0) return Refuse(connection, head.status);
    connection.head_begun = false;
    Connection::Current() = &connection;
    const Next next = answer_(connection);
    connection.Answered();
    Connection::Current() = nullptr;
    if (next == Next::kClose) return Linger(connection);
    if (PassOn(connection)) return;
  }
  Close(connection);
}

void Reactor::Refuse(Connection& connection, int status) {
  const std::string text = "HTTP/1.1 " + std::to_string(status) + " " + Reason(status) +
                           "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  (void)connection.write(text.data(), text.size());
  Linger(connection);
}

// Closed at once, what the client still sends would be answered with a reset, and that would tear
// our answer out of its hands.
void Reactor::Linger(Connection& connection) {
  connection.EndAnswers();
  connection.deadline_ns = sys::NowNs() + options_.drain_ns;
  if (ends_ || !LeaveToDrain(connection).ok()) Close(connection);
}

void Reactor::Idle(Connection& connection) {
  const std::uint64_t now = sys::NowNs();
  // Who has begun a handshake or a head has this long for all of it, however often something comes.
  if (connection.Begun() && !connection.head_begun) {
    connection.head_begun = true;
    connection.deadline_ns = now + options_.head_ns;
  } else if (!connection.Begun()) {
    connection.head_begun = false;
    connection.deadline_ns = now + options_.idle_ns;
  }
  const std::lock_guard lock(mutex_);  // from here on it may be passed on by another thread
  const bool stays = (!passes_ || !connection.Pass(pass_)) && ArmConnection(connection, EPOLL_CTL_MOD).ok();
  if (!stays) return (void)connections_.erase(connection.number());
  connection.place = Connection::Place::kIdle;
}

void Reactor::Close(Connection& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection.number());  // closes it, and with that it leaves the epoll
}

void Reactor::Sweep() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    ending_.wait_for(lock, std::chrono::seconds(1));
    const std::uint64_t now = sys::NowNs();
    for (const auto& [number, connection] : connections_) {
      if (connection->place != Connection::Place::kBusy && connection->deadline_ns < now) connection->Shut();
    }
  }
}

}  // namespace moat::web
