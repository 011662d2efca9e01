// TLS for the door's connections, by OpenSSL: at least 1.2, no renegotiation, no resumption. Where the
// configuration has a client CA, who shows no certificate of it is hung up on in the handshake.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "moat/result.h"
#include "web/config.h"

struct ssl_ctx_st;
struct ssl_st;

namespace moat::web {

// Certificate, key and client CA, as they were read.
class TlsContext {
 public:
  // Null where the configuration has no TLS. The key must not be readable by others.
  static Result<std::shared_ptr<const TlsContext>> Load(const TlsConfig& config);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// As it is now: certificates are renewed while the daemon runs. Threads: any.
class LiveTls {
 public:
  explicit LiveTls(std::shared_ptr<const TlsContext> context) : context_(std::move(context)) {}
  std::shared_ptr<const TlsContext> Get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void Set(std::shared_ptr<const TlsContext> context) {
    const std::lock_guard lock(mutex_);
    context_.swap(context);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;
};

// One connection's, on a socket that does not block. Threads: one at a time.
class TlsSession {
 public:
  // Null when there is no memory for it. The socket outlives it.
  static std::unique_ptr<TlsSession> Start(std::shared_ptr<const TlsContext> context, int socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // As recv(2) and send(2): -1 with EAGAIN when the socket is to be waited for, then `wants` says for
  // what. The handshake happens on the way.
  ssize_t Receive(char* to, std::size_t size);
  ssize_t Send(const char* from, std::size_t size);
  short wants() const { return wants_; }  // POLLIN or POLLOUT
  bool established() const;
  void SayGoodbye();
  // Of the client's certificate, which has been verified: "CN=web,O=Example" (RFC 2253). "": none.
  const std::string& subject();

 private:
  TlsSession(std::shared_ptr<const TlsContext> context, ssl_st* session) : context_(std::move(context)), session_(session) {}
  ssize_t Outcome(int code);

  std::shared_ptr<const TlsContext> context_;
  ssl_st* session_;
  short wants_ = 0;
  bool broken_ = false, knows_subject_ = false;
  std::string subject_;
};

}  // namespace moat::web
