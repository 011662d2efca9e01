// The HTTP door. What it answers to is in routes.cc; openapi.json describes
// it, and a test compares the two. docs/http.md tells it to people.
//
// Ownership: what Parts refers to outlives the door. Threads: the door has its own.
#pragma once

#include <functional>
#include <memory>

#include "moat/result.h"
#include "web/backend.h"
#include "web/config.h"
#include "web/http/views.h"
#include "web/log.h"
#include "web/metrics.h"
#include "web/service.h"
#include "sys/fd.h"

namespace moat::web {

struct DoorParts {
  const Config& config;
  Service& service;
  Backend& backend;
  Metrics& metrics;
  Log& log;
  std::function<Status()> probe;  // starts a sandbox, for /healthz
  ExplainDenial explain;
};

class Door {
 public:
  static Result<std::unique_ptr<Door>> Open(DoorParts parts, sys::Fd listener);
  virtual ~Door() = default;         // shuts every connection; what runs for one is cancelled
  virtual void StopAccepting() = 0;  // no new connections; those that are there go on
};

}  // namespace moat::web
