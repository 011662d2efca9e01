// What a dead job's own file systems tell about its end.
#pragma once

#include <string>
#include <vector>

#include "run/live_plan.h"

namespace moat::run {

struct FullPlaces {
  std::vector<std::string> scratch;  // "/tmp 64M", "/tmp 64M (inodes)"
  std::string output;                // the output folder likewise, "" when there is room
  // Where a fallocate found no room, "10G in /tmp 64M", although there may be some now; "" when none did.
  std::string refused;
  bool refused_output = false;       // that is the output folder
};
// File systems without room, now or for what was asked at once: the usual reasons of "No space left
// on device".
FullPlaces FindFullPlaces(const LivePlan& plan, const abi::Shared& shared);

// Is there a file of at least that size? Looks at a bounded number of them.
bool HoldsFileOf(const LivePlan& plan, std::uint64_t size);

}  // namespace moat::run
