// `moat serve`: puts doors, dispatcher and signals together.
#pragma once

#include <functional>
#include <string>

#include "moat/result.h"
#include "observe/log.h"

namespace moat::serve {

struct DaemonHooks {
  observe::Log& log;            // what happens, and each job's end
  std::function<void()> ready;  // the doors are open
};

// kTakeOver: in the place of the daemon that serves at the configured socket, if there is one. It gives
// its socket and its clients to us, finishes the jobs that it has, and goes.
enum class DaemonStart : unsigned char { kAnew, kTakeOver };

// What the daemon at the socket of this configuration counts, as Prometheus reads it.
Result<std::string> AskForMetrics(const std::string& config_path);

// SIGTERM and SIGINT: no more jobs are taken; returns when those that are there have ended, or were
// cancelled after the time of `drain`. The second one does not wait. SIGHUP: the file is read anew;
// an error in it is said and changes nothing. Call it from the main thread of a process that has no
// other: it blocks signals.
Status RunDaemon(const std::string& config_path, const DaemonHooks& hooks, DaemonStart start);

}  // namespace moat::serve
