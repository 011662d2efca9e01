// What a probe cannot see itself: who is left, how the command ended, and what arrived as its results.
#pragma once

#include <string>

#include "attack/battery.h"

namespace moat::attack {

// `said` is the probe's own answer, and stands unless the probe claims to have done its part; `results`: the
// folder of results, for those that have one.
Answer Judged(const Entry& entry, const Answer& said, const Spawned& spawned, const std::string& results);

// How a caller waits for such a probe.
void ArrangeFor(const Entry& entry, SpawnRequest& request);

}  // namespace moat::attack
