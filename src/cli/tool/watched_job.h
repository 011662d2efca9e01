// One job run by bin/moat, with us as the one who answers for its filter (ADR 7).
#pragma once

#include <string>
#include <vector>

#include "cli/launcher/invocation.h"
#include "moat/report.h"
#include "moat/result.h"
#include "watch/watcher.h"

namespace moat::tool {

struct WatchedRun {
  launcher::Invocation run;       // its `report` and `watch` are left out
  watch::Mode mode = watch::Mode::kEnforce;
  watch::Tell tell;
  const watch::Rules* floor = nullptr;  // for Mode::kReport: what these refuse stays refused
  watch::KnownPaths* known = nullptr;   // of the same policy
  int standard[3] = {-1, -1, -1};  // the job's; the caller's own; -1: /dev/null
  int signals = -1;                // a signalfd: what comes is passed on to the launcher
};

struct WatchedJob {
  Report report;  // with the refusals in it
  std::vector<watch::Observation> refused;
};

// From several threads at once; `rules` must be of the same policy as `run`.
Result<WatchedJob> RunWatched(const WatchedRun& wanted, const watch::Rules& rules);

// The same without a watcher.
Result<Report> RunPlain(const WatchedRun& wanted);

// bin/moat, beside libexec/moat/moat-cli.
std::string LauncherPath();

}  // namespace moat::tool
