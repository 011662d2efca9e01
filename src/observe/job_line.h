// The line that each job's end has in the log, the same at every door: from who asked, over the job's names, to what
// became of it and why.
#pragma once

#include <cstdint>
#include <string>

#include "moat/report.h"
#include "observe/log.h"

namespace moat::observe {

struct JobNames {
  std::string job;        // the daemon's own, unique
  std::string profile;
  std::string caller;     // who it counts for
  std::string label;      // what its client calls it; "": nothing
  std::uint64_t pid = 0;  // of the client, at the other end of a local socket; 0: unknown
};

// Level `info` when the program exited with 0, else `warning`.
void TellEnd(Log& log, const JobNames& names, const Report& report, std::uint64_t queued_ns);
// One that was never started: "refused", "expired" ..., and why.
void TellNotStarted(Log& log, const JobNames& names, const std::string& ending, const std::string& why);

}  // namespace moat::observe
