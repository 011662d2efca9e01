// One job of one helper, from the request to the report.
#pragma once

#include <optional>

#include "api/helper.h"
#include "api/plan_store.h"
#include "moat/sandbox.h"

namespace moat::api {

struct Talk {
  std::optional<Outcome> outcome;  // none: the helper was gone before it had the request, or declined it
  bool helper_is_good = false;     // for another job
  bool installed = false;          // a filter for this job, though it was to inherit one
};

// Asks it to have the jail of a next job ready; a new one makes its spawner, which installs a filter, unless the
// command is warm. False: it is gone.
bool PrepareOn(Helper& helper, const StoredPlan& plan, const Command& command);

// An Error is about the command. `helper` and the command's descriptors stay the caller's.
Result<Talk> RunOn(Helper& helper, const StoredPlan& plan, const Command& command);

}  // namespace moat::api
