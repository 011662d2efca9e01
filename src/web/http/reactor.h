// Accepts clients and gives a thread to each whole head of a request; until then, and between two
// requests, a client costs a descriptor and a few hundred bytes. All threads wait on one epoll: the
// one that is woken reads, answers and writes, without handing on.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "moat/result.h"
#include "web/http/connection.h"
#include "sys/fd.h"

namespace moat::web {

class Reactor {
 public:
  enum class Next : unsigned char { kKeep, kClose };
  // Answers the request whose head is complete.
  using Answer = std::function<Next(Connection&)>;

  struct Options {
    std::uint64_t connections = 2000;
    unsigned threads = 64;
    const LiveTls* tls = nullptr;  // where it gives no context: plain HTTP
    std::uint64_t idle_ns = 60'000'000'000, head_ns = 10'000'000'000, drain_ns = 2'000'000'000;
  };
  static Result<std::unique_ptr<Reactor>> Make(sys::Fd listener, Options options, Answer answer);
  ~Reactor();  // shuts all connections, waits for the threads

  // Answers from here on, possibly before this returns. Once only.
  void Start();

  void StopAccepting();
  // As in door.h.
  using Pass = std::function<bool(const sys::Fd& socket, std::string_view read)>;
  void HandOver(Pass pass);
  void TakeBack();
  void Adopt(sys::Fd socket, std::string read);
  std::uint64_t connections() const;

 private:
  Reactor(sys::Fd listener, Options options, Answer answer);
  // What an event is about: 0 the end, 1 the listener, else a connection's number behind these.
  static constexpr std::uint64_t kEnd = 0, kListener = 1, kFirst = 2;
  enum class For : unsigned char { kReading, kAtOnce };
  Status Arm(int fd, std::uint64_t who, int how, For wanted = For::kReading) const;
  Status ArmConnection(const Connection& connection, int how, For wanted = For::kReading) const;
  Status LeaveToDrain(Connection& connection);
  Connection* Take(std::uint64_t who);
  void Loop();
  bool AcceptNext();
  void Accept();
  void AcceptOne(sys::Fd socket, std::string read, For wanted);
  void TurnOneAway();
  bool PassOn(Connection& connection);
  void MakeRoom();
  void Serve(Connection& connection);
  void ServeOrClose(Connection& connection);
  void Refuse(Connection& connection, int status);
  void Linger(Connection& connection);
  void Idle(Connection& connection);
  void Close(Connection& connection);
  void Sweep();

  sys::Fd listener_, epoll_, end_;
  std::mutex spare_mutex_;
  sys::Fd spare_;
  Options options_;
  Answer answer_;
  mutable std::mutex mutex_;
  std::condition_variable ending_;
  std::map<int, std::unique_ptr<Connection>> connections_;
  Pass pass_;  // with the mutex
  std::atomic<bool> ends_ = false, passes_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moat::web
