// One client, as the HTTP library sees it: a stream that gives up on who trickles, never reads or
// sends more than was said. The head of a request is read here before a thread is spent on it.
//
// Threads: one at a time has a connection; Shut may come from another.
#pragma once

#include <httplib.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sys/fd.h"
#include "web/http/tls.h"

namespace moat::web {

// What the head says about what follows, and whether it can be meant.
struct RequestHead {
  int status = 0;  // the answer, when it cannot: 400, 414, 415, 501
  std::string method, target;
  bool has_body = false, chunked = false;
  std::uint64_t length = 0;
};
RequestHead ReadHead(std::string_view head);  // up to and with the empty line

class Connection final : public httplib::Stream {
 public:
  enum class Place : unsigned char { kIdle, kBusy, kDraining };

  // Without a session: plain HTTP.
  Connection(sys::Fd socket, std::unique_ptr<TlsSession> tls, std::string remote, std::string read)
      : socket_(std::move(socket)), tls_(std::move(tls)), remote_(std::move(remote)), buffer_(std::move(read)) {}

  enum class Fill : unsigned char { kMore, kComplete, kTooLong, kGone };
  Fill FillHead();  // what is there, without waiting
  enum class Client : unsigned char { kThere, kGone };
  Client Drain();  // throws away what is there
  std::string_view Head() const;
  // Something of the next head is here, or the handshake is not over.
  bool Begun() const { return at_ < buffer_.size() || (tls_ != nullptr && !tls_->established()); }
  // `limit`: how much of a body in chunks, of which nobody knows the length.
  void BeginBody(const RequestHead& head, std::uint64_t limit);
  bool BodyConsumed() const { return body_left_ == 0; }

  // Waits for `event` to become readable. kGone: the client went away first.
  enum class Wake : unsigned char { kEvent, kGone, kTime };
  Wake WaitFor(int event, int milliseconds) const;

  // Gives it to somebody else, with what has been read of the next request.
  using PassTo = std::function<bool(const sys::Fd& socket, std::string_view read)>;
  // With TLS nobody else can go on with it: it ends, and the client connects anew.
  bool Pass(const PassTo& to) const;
  void EndAnswers() const;  // nothing more is sent
  // It goes when the answer is sent: its end may take a while.
  void KeepUntilAnswered(std::shared_ptr<const void> what) { kept_ = std::move(what); }
  void Answered() { kept_.reset(); }
  std::string subject() const { return tls_ == nullptr ? std::string() : tls_->subject(); }

  void Shut() const;
  int number() const { return socket_.get(); }

  // Read by the sweeper: when it is over (CLOCK_MONOTONIC), and in which place.
  std::atomic<std::uint64_t> deadline_ns = 0;
  std::atomic<Place> place = Place::kIdle;
  std::atomic<bool> head_begun = false;
  bool drains = false;  // what it was when a thread took it

  // The one that this thread is answering; null elsewhere.
  static Connection*& Current();

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  // The library would refuse numbers beyond select(2)'s; it never uses this one.
  socket_t socket() const override { return 0; }

 private:
  ssize_t ReceiveNow(char* to, std::size_t size) const;  // as recv(2) without waiting
  ssize_t SendNow(const char* from, std::size_t size) const;
  short Wants(short usual) const { return tls_ == nullptr ? usual : tls_->wants(); }
  bool AwaitClient(short event) const;  // false: it does not come, or too many wait already
  ssize_t Receive(char* to, std::size_t size);  // waits, as long as the client keeps up

  sys::Fd socket_;
  std::unique_ptr<TlsSession> tls_;  // goes before its socket
  std::string remote_;
  std::string buffer_;           // received, from at_ on not consumed
  std::size_t at_ = 0;
  std::size_t head_left_ = 0;    // of buffer_, for the library to read
  std::uint64_t body_left_ = 0;  // that it may read behind
  std::uint64_t body_since_ns_ = 0, body_bytes_ = 0;
  std::uint64_t answer_since_ns_ = 0, answer_bytes_ = 0;
  std::shared_ptr<const void> kept_;
};

}  // namespace moat::web
