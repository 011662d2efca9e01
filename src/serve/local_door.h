// The door for processes of this machine: a unix SOCK_SEQPACKET socket. Who is at the other end is
// told by the kernel (SO_PEERCRED): jobs count for "uid:N".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "serve/config.h"
#include "serve/loop.h"
#include "serve/predecessor.h"
#include "serve/remover.h"
#include "serve/service.h"
#include "sys/fd.h"
#include "sys/message.h"

namespace moat::serve {

class LocalDoor {
 public:
  // For whoever owns the door; called from the loop.
  struct Events {
    std::function<void()> succeeded;  // another daemon is open; clients go there one by one
    std::function<void()> failed;     // it is gone, and we are the one who serves again
    std::function<void()> empty;      // it has all clients: nothing is left to do here
    std::function<std::string()> figures;  // the text of the metrics
    std::function<void(const char* why)> refused;  // somebody was not let in, or hung up on for what he said
  };

  // Binds anew over a socket that nobody listens to any more; not over one that is in use, but by
  // taking it and its clients over from a predecessor.
  static Result<std::unique_ptr<LocalDoor>> Open(Loop& loop, Service& service, const Config& config,
                                                 std::optional<Predecessor> predecessor, Events events);
  ~LocalDoor();
  LocalDoor(const LocalDoor&) = delete;
  LocalDoor& operator=(const LocalDoor&) = delete;

  // Users and bounds, for those who come from now on.
  Status Configure(const Config& config);
  // No more clients. Those who are there get their answers. Its file stays where a successor listens.
  void StopListening();

  std::size_t clients() const { return clients_.size(); }

 private:
  struct Answer {
    std::string bytes;
    sys::Fd body;
    std::uint64_t memory = 0;  // of ours, in `body`, until it is read
  };
  // An answer in the client's queue: what it takes up there, and of our memory.
  struct Sent {
    std::uint64_t queued = 0, memory = 0;
  };
  struct Client {
    sys::Fd socket;
    std::string caller;
    std::uint64_t pid = 0;
    bool has_our_rights = false;          // root, or the daemon's own user
    std::map<std::uint64_t, JobId> jobs;  // what it is owed, by its own numbers; kNoJob: an answer without a job
    std::deque<Answer> unsent;            // it does not read fast enough
    std::deque<Sent> sent;                // since the oldest large one that it has not read
    Loop::TimerId patience = 0;           // while there are any
  };
  using ClientId = std::uint64_t;
  static constexpr JobId kNoJob = 0;

  LocalDoor(Loop& loop, Service& service, Events events) : loop_(loop), service_(service), remover_(loop), events_(std::move(events)) {}
  Status Listen(const Config& config);
  Status Bind(const Config& config);
  void NoteFile();
  void OnConnection();
  enum class Known : unsigned char { kNo, kYes };  // whether we have said hello
  void Welcome(sys::Fd socket, Known known);
  void OnClient(ClientId id, std::uint32_t events);
  bool TakeFrame(ClientId id, Client& client);
  bool Handle(ClientId id, Client& client, std::string_view frame, std::vector<sys::Fd>& fds);
  bool Submit(ClientId id, Client& client, std::string_view frame, std::vector<sys::Fd>& fds);
  Result<sys::Message> Receive(const Client& client);
  bool HandleAndRemove(ClientId id, Client& client, sys::Message& message);
  bool TellFigures(ClientId id, Client& client);
  bool RefuseFolder(ClientId id, Client& client, std::uint64_t number, Submission& submission);
  void OnDone(ClientId id, std::uint64_t number, Completion completion);
  static void NoteSent(Client& client, const Answer& answer, std::uint64_t queued_before);
  static void ForgetRead(Client& client);
  static std::uint64_t Unread(Client& client);
  bool Send(ClientId id, Client& client, Answer answer);
  bool Flush(ClientId id, Client& client);
  void HangUp(ClientId id);

  // To a successor, and from a predecessor (local_hand_over.cc).
  bool OnTakeOver(ClientId id, Client& client, std::string_view frame);
  void BeginHandingOver();
  void StopHandingOver();
  bool TakeWhileHandingOver(ClientId id, Client& client, std::uint32_t events);
  void PassOnSoon(ClientId id);
  void PassOn(ClientId id);
  Status Succeed();
  void OnPredecessor();

  Loop& loop_;
  Service& service_;
  Remover remover_;
  sys::Fd listener_;
  std::string path_;
  std::uint64_t device_ = 0, inode_ = 0;  // of the socket's file: only our own is removed
  const Events events_;
  std::optional<Predecessor> predecessor_;
  ClientId successor_ = 0;  // who asked for our place
  enum class Place : unsigned char { kOurs, kPasses } place_ = Place::kOurs;
  enum class Versions : unsigned char { kDiffer, kSame } versions_ = Versions::kDiffer;  // ours and the successor's
  std::set<std::uint32_t> users_;
  std::size_t most_clients_ = 0;
  std::map<ClientId, Client> clients_;
  ClientId last_client_ = 0;
  Loop::TimerId resume_ = 0;
  std::vector<char> buffer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace moat::serve
