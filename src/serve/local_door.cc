#include "serve/local_door.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <pwd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "api/report_wire.h"
#include "pool/frames.h"
#include "serve/local_protocol.h"
#include "serve/submit_frame.h"
#include "sys/ballast.h"
#include "sys/calls.h"

namespace moat::serve {
namespace {

using pool::BytesOf;
using pool::SendFrame;
using pool::Wait;

constexpr int kBacklog = 128;
constexpr std::size_t kMostJobs = 256;     // of one client, at once
constexpr unsigned kMostFrames = 16;       // of one client in a row: others want to be heard, too
constexpr std::uint64_t kMostUnread = 256 << 20;  // bytes of large answers that a client has not read
constexpr Time kPatience = std::chrono::seconds(60);     // with a client that does not read
constexpr Time kPause = std::chrono::milliseconds(100);  // when there are no descriptors left

struct sockaddr_un AddressOf(const std::string& path) {
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

// A socket that nobody accepts from any more: left by a daemon that was killed.
Status RemoveLeftSocket(const std::string& path) {
  struct stat facts;
  if (lstat(path.c_str(), &facts) != 0) return {};
  if (!S_ISSOCK(facts.st_mode)) return WithFix(HostError("`" + path + "` is there, and no socket"), "remove it, or choose another path");
  const sys::Fd probe(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const struct sockaddr_un address = AddressOf(path);
  if (connect(probe.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof(address)) == 0 || errno != ECONNREFUSED) {
    return WithFix(HostError("somebody serves at `" + path + "` already"), "stop it, or choose another path");
  }
  if (unlink(path.c_str()) != 0) return SystemError("unlink", errno, path);
  return {};
}

Result<std::set<std::uint32_t>> UsersOf(const Config& config) {
  std::set<std::uint32_t> users = {0, geteuid()};
  for (const std::string& name : config.users) {
    const struct passwd* entry = getpwnam(name.c_str());
    if (entry == nullptr) return PolicyError("there is no user `" + name + "`");
    users.insert(entry->pw_uid);
  }
  return users;
}

// What lies unread at the other end, with what the kernel adds to it (unix_outq_len, net/unix/af_unix.c). All of it, where it does not say.
std::uint64_t Queued(const sys::Fd& socket) {
  int bytes = 0;
  return ioctl(socket.get(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::uint64_t>(std::max(bytes, 0)) : ~std::uint64_t{0};
}

Result<sys::MemFd> SealedBody(std::string_view body) {
  sys::MemFd file = MOAT_TRY(sys::memfd_create("moat-answer", MFD_ALLOW_SEALING));
  MOAT_TRY(sys::WriteAll(file.get(), body, "an answer"));
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) return SystemError("fcntl", errno, "F_ADD_SEALS");
  return file;
}

}  // namespace

Result<std::unique_ptr<LocalDoor>> LocalDoor::Open(Loop& loop, Service& service, const Config& config,
                                                   std::optional<Predecessor> predecessor, Events events) {
  std::unique_ptr<LocalDoor> door(new LocalDoor(loop, service, std::move(events)));
  door->buffer_.resize(sizeof(SubmitFrame) + kMaxSubmitBody);
  door->predecessor_ = std::move(predecessor);
  MOAT_TRY(door->Configure(config));
  MOAT_TRY(door->Listen(config));
  if (door->predecessor_) MOAT_TRY(door->Succeed());
  return door;
}

Status LocalDoor::Configure(const Config& config) {
  users_ = MOAT_TRY(UsersOf(config));
  most_clients_ = config.clients;
  return {};
}

Status LocalDoor::Listen(const Config& config) {
  path_ = config.socket;
  if (predecessor_) {
    listener_ = predecessor_->TakeListener();
    if (chmod(path_.c_str(), config.socket_mode) != 0) return SystemError("chmod", errno, path_);
  } else {
    MOAT_TRY(Bind(config));
  }
  NoteFile();
  return loop_.Watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { OnConnection(); });
}

void LocalDoor::NoteFile() {
  struct stat facts;
  if (lstat(path_.c_str(), &facts) != 0) return;
  device_ = facts.st_dev;
  inode_ = facts.st_ino;
}

Status LocalDoor::Bind(const Config& config) {
  if (config.socket.size() >= sizeof(sockaddr_un::sun_path)) return PolicyError("the path of the socket is too long: " + config.socket);
  MOAT_TRY(RemoveLeftSocket(config.socket));
  sys::Fd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid()) return SystemError("socket", errno);
  const struct sockaddr_un address = AddressOf(config.socket);
  // Nobody connects before it listens, and by then its mode is what was asked for.
  if (bind(listener.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof(address)) != 0) {
    return SystemError("bind", errno, config.socket);
  }
  if (chmod(path_.c_str(), config.socket_mode) != 0) return SystemError("chmod", errno, path_);
  if (listen(listener.get(), kBacklog) != 0) return SystemError("listen", errno, path_);
  listener_ = std::move(listener);
  return {};
}

LocalDoor::~LocalDoor() {
  *alive_ = false;
  StopListening();
  if (predecessor_) loop_.Unwatch(predecessor_->channel());
  while (!clients_.empty()) HangUp(clients_.begin()->first);
}

void LocalDoor::StopListening() {
  loop_.Drop(resume_);
  if (!listener_.valid()) return;
  loop_.Unwatch(listener_.get());
  remover_.Take(std::move(listener_));  // there may be clients that nobody has looked at
  if (place_ == Place::kPasses) return;
  struct stat facts;
  if (lstat(path_.c_str(), &facts) == 0 && facts.st_dev == device_ && facts.st_ino == inode_) unlink(path_.c_str());
}

void LocalDoor::OnConnection() {
  const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) return Welcome(sys::Fd(fd), Known::kNo);
  if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
  // It would be told again at once, without end.
  if (!loop_.Change(listener_.get(), 0).ok()) return;
  resume_ = loop_.At(loop_.now() + kPause, [this] { (void)loop_.Change(listener_.get(), EPOLLIN).ok(); });
}

void LocalDoor::Welcome(sys::Fd socket, Known known) {
  struct ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return remover_.TakeConnection(std::move(socket));
  const bool known_user = users_.count(peer.uid) != 0;
  if (!known_user || (known == Known::kNo && clients_.size() >= most_clients_)) {
    events_.refused(known_user ? "clients" : "unknown-user");
    return remover_.TakeConnection(std::move(socket));
  }
  LocalHello hello;
  static_assert(sizeof(MOAT_VERSION) <= sizeof(hello.version));
  std::memcpy(hello.version, MOAT_VERSION, sizeof(MOAT_VERSION));
  const bool greeted = known == Known::kYes || SendFrame(socket.get(), BytesOf(hello), {}, {}, Wait::kNo).ok();
  const ClientId id = ++last_client_;
  const int fd = socket.get();
  if (!greeted || !loop_.Watch(fd, EPOLLIN, [this, id](std::uint32_t events) { OnClient(id, events); }).ok()) {
    return remover_.TakeConnection(std::move(socket));
  }
  Client& client = clients_[id];
  client.socket = std::move(socket);
  client.caller = "uid:" + std::to_string(peer.uid);
  client.pid = static_cast<std::uint64_t>(std::max(peer.pid, 0));  // 0: in a pid namespace that we do not see
  client.has_our_rights = peer.uid == 0 || peer.uid == geteuid();
}

void LocalDoor::OnClient(ClientId id, std::uint32_t events) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if ((events & EPOLLOUT) != 0 && !Flush(id, client)) return HangUp(id);
  if (place_ == Place::kPasses && id != successor_) {
    if (!TakeWhileHandingOver(id, client, events)) HangUp(id);
    return;
  }
  if (place_ == Place::kPasses) PassOnSoon(id);  // the last may have been sent
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 && !TakeFrame(id, client)) HangUp(id);
}

bool LocalDoor::TakeFrame(ClientId id, Client& client) {
  for (unsigned i = 0; i < kMostFrames; ++i) {
    if (sys::Ballast::IsSpent()) return false;  // what is under way comes first
    auto message = Receive(client);
    if (!message.ok()) return message.error().error_number == EAGAIN;
    if (message->size == 0) return false;
    if (HandleAndRemove(id, client, *message)) continue;
    events_.refused("nonsense");
    return false;
  }
  return true;  // what is left is told again
}

// With room for all that the kernel passes: what it has to drop it closes itself, and we would wait for that.
Result<sys::Message> LocalDoor::Receive(const Client& client) {
  auto message = sys::ReceiveMessage(client.socket.get(), buffer_, sys::kMaxMessageFds, Wait::kNo);
  if (message.ok() && message->size == 0) remover_.Take(std::move(message->fds));
  return message;
}

bool LocalDoor::HandleAndRemove(ClientId id, Client& client, sys::Message& message) {
  const bool fits = message.whole && message.fds.size() <= pool::kMaxFrameFds;
  const bool good = fits && Handle(id, client, {buffer_.data(), message.size}, message.fds);
  remover_.Take(std::move(message.unwanted));
  remover_.Take(std::move(message.fds));  // what nobody has taken
  return good;
}

bool LocalDoor::Handle(ClientId id, Client& client, std::string_view frame, std::vector<sys::Fd>& fds) {
  CancelFrame cancel;
  if (frame.size() == sizeof(cancel) && fds.empty()) {
    std::memcpy(&cancel, frame.data(), sizeof(cancel));
    if (cancel.kind == LocalFrame::kCancel) {
      const auto job = client.jobs.find(cancel.id);
      if (job != client.jobs.end()) service_.Cancel(job->second);  // else it has just ended
      return true;
    }
  }
  FiguresFrame figures;
  if (frame.size() == sizeof(figures) && fds.empty()) {
    std::memcpy(&figures, frame.data(), sizeof(figures));
    if (figures.kind == LocalFrame::kFigures) return TellFigures(id, client);
  }
  if (frame.size() == sizeof(TakeOverFrame) && fds.empty()) return OnTakeOver(id, client, frame);
  return Submit(id, client, frame, fds);
}

bool LocalDoor::Submit(ClientId id, Client& client, std::string_view frame, std::vector<sys::Fd>& fds) {
  std::uint64_t number = 0;
  auto submission = ReadSubmitFrame(frame, fds, number);
  if (!submission) return false;
  if (number == 0 || client.jobs.count(number) != 0 || client.jobs.size() >= kMostJobs) return remover_.Take(submission->TakeDescriptors()), false;
  submission->caller = client.caller;
  submission->pid = client.pid;
  // Whoever may only look into a folder can open it: we would write there in his stead.
  if (submission->folder.valid() && !client.has_our_rights) return RefuseFolder(id, client, number, *submission);
  client.jobs[number] = service_.Submit(*std::move(submission), [this, alive = alive_, id, number](Completion completion) {
    if (*alive) OnDone(id, number, std::move(completion));
  });
  return true;
}

// Everybody's jobs are in them.
bool LocalDoor::TellFigures(ClientId id, Client& client) {
  // Who asks again before it has the answer says nonsense.
  if (!client.has_our_rights || !client.jobs.emplace(0, kNoJob).second) return false;
  loop_.Defer([this, alive = alive_, id] {
    if (!*alive) return;
    Completion completion;
    completion.answer = events_.figures();
    OnDone(id, 0, std::move(completion));
  });
  return true;
}

bool LocalDoor::RefuseFolder(ClientId id, Client& client, std::uint64_t number, Submission& submission) {
  client.jobs.emplace(number, kNoJob);
  remover_.Take(submission.TakeDescriptors());
  loop_.Defer([this, alive = alive_, id, number] {
    if (!*alive) return;
    Completion completion;
    completion.outcome = Outcome::kInvalid;
    completion.why = "results are collected into folders of root and of the daemon's own user only: give an output";
    OnDone(id, number, std::move(completion));
  });
  return true;
}

void LocalDoor::OnDone(ClientId id, std::uint64_t number, Completion completion) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  found->second.jobs.erase(number);
  const std::string report = api::PackReport(completion.report);
  DoneFrame head;
  head.outcome = static_cast<std::uint32_t>(completion.outcome);
  head.refusal = static_cast<std::uint32_t>(completion.refusal);
  head.id = number;
  head.retry_after_ns = static_cast<std::uint64_t>(completion.retry_after.count());
  head.waited_ns = static_cast<std::uint64_t>(completion.waited.count());
  head.why_size = completion.why.size();
  head.report_size = report.size();
  head.answer_size = completion.answer.size();
  std::string body = completion.why + report + completion.answer;
  Answer answer;
  if (body.size() > kMaxInlineBody) {
    // It learns by that that its answers are lost.
    if (Unread(found->second) + body.size() > kMostUnread) return HangUp(id);
    auto file = SealedBody(body);
    if (!file.ok()) return HangUp(id);
    answer.memory = body.size();
    answer.body = std::move(*file);
    head.body_in_memfd = 1;
    body.clear();
  }
  answer.bytes = std::string(BytesOf(head)) + body;
  if (!Send(id, found->second, std::move(answer))) return HangUp(id);
  if (place_ == Place::kPasses) PassOnSoon(id);
}

// Where something large lies in its queue, or comes there now.
void LocalDoor::NoteSent(Client& client, const Answer& answer, std::uint64_t queued_before) {
  if (answer.memory == 0 && client.sent.empty()) return;
  const std::uint64_t queued = Queued(client.socket);
  // It may have read meanwhile: at least the bytes are there.
  const std::uint64_t taken = queued > queued_before ? queued - queued_before : 0;
  client.sent.push_back({std::max<std::uint64_t>(taken, answer.bytes.size()), answer.memory});
  ForgetRead(client);
}

// Answers are read in their order: the oldest has been when those behind it account for what is left in the queue.
void LocalDoor::ForgetRead(Client& client) {
  std::uint64_t queued = 0;
  for (const Sent& each : client.sent) queued += each.queued;
  const std::uint64_t left = Queued(client.socket);
  while (!client.sent.empty() && queued - client.sent.front().queued >= left) {
    queued -= client.sent.front().queued;
    client.sent.pop_front();
  }
}

// Bytes of large answers, which lie in memory until they are read.
std::uint64_t LocalDoor::Unread(Client& client) {
  ForgetRead(client);
  std::uint64_t memory = 0;
  for (const Sent& each : client.sent) memory += each.memory;
  for (const Answer& each : client.unsent) memory += each.memory;
  return memory;
}

// False: it is gone.
bool LocalDoor::Send(ClientId id, Client& client, Answer answer) {
  client.unsent.push_back(std::move(answer));
  if (client.unsent.size() > 1) return true;  // there is somebody waiting for it to read
  return Flush(id, client);
}

// Each unsent answer was a job of its own, so that kMostJobs bounds them, too: who has that many may
// not submit before it reads.
bool LocalDoor::Flush(ClientId id, Client& client) {
  bool waits = false;
  while (!client.unsent.empty() && !waits) {
    const Answer& answer = client.unsent.front();
    const int fd = answer.body.get();
    const std::uint64_t queued = answer.memory != 0 || !client.sent.empty() ? Queued(client.socket) : 0;
    const Status sent = SendFrame(client.socket.get(), answer.bytes, {}, {&fd, answer.body.valid() ? 1U : 0U}, Wait::kNo);
    if (sent.ok()) {
      NoteSent(client, answer, queued);
      client.unsent.pop_front();
    } else if (sent.error().error_number == EAGAIN) {
      waits = true;
    } else {
      return false;
    }
  }
  if (client.patience != 0) loop_.Drop(std::exchange(client.patience, 0));
  else if (!waits) return true;  // it never had to wait
  if (!waits) return loop_.Change(client.socket.get(), EPOLLIN).ok();
  // Nothing more is taken from it until it has read what it has, and not for ever.
  client.patience = loop_.At(loop_.now() + kPatience, [this, id] { HangUp(id); });
  return loop_.Change(client.socket.get(), EPOLLOUT).ok();
}

void LocalDoor::HangUp(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  loop_.Unwatch(found->second.socket.get());
  loop_.Drop(found->second.patience);
  Client gone = std::move(found->second);
  clients_.erase(found);
  remover_.TakeConnection(std::move(gone.socket));  // with what lies in it unread
  for (Answer& answer : gone.unsent) remover_.Take(std::move(answer.body));
  for (const auto& [number, job] : gone.jobs) service_.Cancel(job);
  if (id == successor_) StopHandingOver();
  if (place_ == Place::kPasses) PassOnSoon(id);
}

}  // namespace moat::serve
