// `moat serve`: puts doors, dispatcher and signals together.
#pragma once

#include <functional>
#include <string>

#include "moat/result.h"

namespace moat::serve {

struct DaemonHooks {
  std::function<void(const std::string&)> say;  // one line for the log; printable
  std::function<void()> ready;                  // the doors are open
};

// SIGTERM and SIGINT: no more jobs are taken; returns when those that are there have ended, or were
// cancelled after the time of `drain`. The second one does not wait. SIGHUP: the file is read anew;
// an error in it is said and changes nothing. Call it from the main thread of a process that has no
// other: it blocks signals.
Status RunDaemon(const std::string& config_path, const DaemonHooks& hooks);

}  // namespace moat::serve
