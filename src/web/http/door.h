// The HTTP door. What it answers to is in routes.cc; openapi.json describes
// it, and a test compares the two. docs/http.md tells it to people.
//
// Ownership: what Parts refers to outlives the door. Threads: the door has its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "moat/result.h"
#include "web/backend.h"
#include "web/config.h"
#include "web/http/tls.h"
#include "web/http/views.h"
#include "web/install_rate.h"
#include "web/observing.h"
#include "web/service.h"
#include "sys/fd.h"

namespace moat::web {

struct DoorParts {
  const LiveConfig& config;
  const LiveTls& tls;
  Service& service;
  Backend& backend;
  Metrics& metrics;
  Log& log;
  const InstallRate& filters;  // of the backend and the probe
  std::function<Status()> probe;  // starts a sandbox, for /healthz
  ExplainDenial explain;
};

class Door {
 public:
  static Result<std::unique_ptr<Door>> Open(DoorParts parts, sys::Fd listener);
  virtual ~Door() = default;         // shuts every connection; what runs for one is cancelled
  virtual void StopAccepting() = 0;  // no new connections; those that are there go on

  // For another daemon. Each connection goes there when no request of it is being answered, with what
  // has been read of the next one. `pass` is called by any thread; false: it did not get there.
  using Pass = std::function<bool(const sys::Fd& socket, std::string_view read)>;
  virtual void HandOver(Pass pass) = 0;
  virtual void TakeBack() = 0;  // nobody took them after all
  virtual void Adopt(sys::Fd socket, std::string read) = 0;
  virtual std::uint64_t connections() const = 0;
};

}  // namespace moat::web
