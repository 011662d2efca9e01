// The job's control groups after the plan made them: their counters, and their removal.
#pragma once

#include <cstdint>

#include "moat/report.h"
#include "moat/result.h"
#include "run/counters.h"
#include "run/live_plan.h"
#include "run/verdict.h"

namespace moat::run {

// Nanoseconds of cpu time of the whole group; false when no group counts it.
bool ReadCpu(LivePlan& plan, const Counters& counters, std::uint64_t& ns);
// Counters into the evidence, and for a full report the peaks.
void ReadCounters(LivePlan& plan, const Counters& counters, Job::Detail detail, Report& report, Evidence& evidence);
// A name for this job's groups that no other job has, living or dead.
Status NameGroups(LivePlan& plan);
// Those that this job made, and no others: rmdir, with a bounded retry while the kernel still lets go of the last process.
void RemoveGroups(LivePlan& plan);

}  // namespace moat::run
