// What a dead job's own file systems tell about its end.
#pragma once

#include <string>
#include <vector>

#include "run/live_plan.h"

namespace moat::run {

struct FullPlaces {
  std::vector<std::string> scratch;  // "/tmp 64M", "/tmp 64M (inodes)"
  std::string output;                // the output folder likewise, "" when there is room
};
// File systems without room left: the usual reason of "No space left on device".
FullPlaces FindFullPlaces(const LivePlan& plan);

// Is there a file of at least that size? Looks at a bounded number of them.
bool HoldsFileOf(const LivePlan& plan, std::uint64_t size);

}  // namespace moat::run
