// One `moat http` takes the place of another on the same spool. The spool has one owner at a time, so
// the new one waits, with the socket that listens and the connections that have no request going, until
// the old one has answered the others and is gone: who comes meanwhile waits in the socket's queue.
//
// Both ends talk over SPOOL/upgrade, a unix SOCK_SEQPACKET socket that only the spool's owner reaches.
// Until the new one has said that it is ready, and when it goes before the old one has, nothing changes.
//
// The local door's (serve/local_hand_over.cc) is another one on purpose: there both daemons serve at once, its words are
// frames of the door on its loop, and a client is passed on with what nobody has read. Here one owns the spool, and what
// was read of a request goes along. They share the frames; as one, each word of it would have two meanings.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::http_tool {

// The new daemon, as the old one sees it. Threads: any for Pass.
class Successor {
 public:
  explicit Successor(sys::Fd channel) : channel_(std::move(channel)) {}
  Status Give(const sys::Fd& listener);
  bool Pass(const sys::Fd& connection, std::string_view read);  // false: it is gone, or does not read
  int channel() const { return channel_.get(); }
  enum class Says : unsigned char { kNothing, kReady, kGone };
  Says Hear() const;  // without waiting

 private:
  std::mutex mutex_;
  sys::Fd channel_;
};

// Where it comes in.
class UpgradeDoor {
 public:
  static Result<UpgradeDoor> Open(const std::string& spool);
  int descriptor() const { return listener_.get(); }
  std::unique_ptr<Successor> Accept() const;  // null: it was nobody

 private:
  sys::Fd listener_;
};

// The old daemon, as the new one sees it.
class Predecessor {
 public:
  struct Connection {
    sys::Fd socket;
    std::string read;
  };
  static Result<std::optional<Predecessor>> Ask(const std::string& spool);  // nothing: nobody uses the spool
  // Says that we are ready, collects what it gives away and returns when its process has ended. An
  // error: `signals` became readable first.
  Result<std::vector<Connection>> AwaitEnd(const sys::Fd& signals);
  sys::Fd TakeListener() { return std::move(listener_); }

 private:
  sys::Fd channel_, process_, listener_;
};

}  // namespace moat::http_tool
