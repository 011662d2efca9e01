// One short-lived process, its output and its end. For programs without threads.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "moat/result.h"

namespace moat::attack {

struct Spawned {
  int status = 0;          // of waitpid
  bool timed_out = false;  // killed for that, with its whole session
  std::string out, err;    // at most kMostOutput each
  unsigned survivors = 0;  // processes of it that lived on; they are ended
  bool nonblocking = false;  // it changed the caller's end of its output
};

enum class Until : unsigned char {
  kProcessEnds,  // what was left behind may hold the streams for ever
  kStreamsEnd,   // as a caller waits that wants all of the output
};

struct SpawnRequest {
  std::vector<std::string> argv;         // argv[0] is a path
  std::vector<std::string> environment;  // all of it
  std::vector<std::pair<int, int>> descriptors;  // number there -> ours; 1 and 2 are taken
  // In the child, after the descriptors are in place: before the exec, or instead of it when argv is
  // empty; then it is expected not to return.
  std::function<void()> in_child;
  std::chrono::milliseconds timeout{120000};
  Until until = Until::kProcessEnds;
};

// Everything else is close-on-exec or was there before. kSystem: nothing was started.
Result<Spawned> Spawn(const SpawnRequest& request);

}  // namespace moat::attack
