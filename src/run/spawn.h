// Starting a job: prepare, clone, open the gate.
#pragma once

#include "moat/report.h"
#include "moat/result.h"
#include "run/aside.h"
#include "run/job.h"
#include "run/live_plan.h"
#include "sys/fd.h"

namespace moat::run {

struct Started {
  sys::Pidfd pidfd;
  int pid = -1;
};

// Chooses the job's uid and fills the slots that do not depend on its files.
Status FillIdentity(LivePlan& plan);
// argv and envp; their memory is `strings` and `pointers`, which must live until the exec.
struct Arguments {
  std::vector<std::string> strings;
  std::vector<char*> argv, envp;
};
Arguments MakeArguments(LivePlan& plan, const Job& job, const std::vector<std::string>& inputs);

// Runs the kPrepare ops, clones, writes the maps, opens the gate. All
// signals must be blocked. On failure nothing is left running.
// `ahead` may be null, or hold a network namespace that was begun before the plan was found.
Result<Started> Spawn(LivePlan& plan, NetworkAhead* ahead);

// The failure of an op in words, with its stage and policy line.
SetupFailure DescribeFailure(const LivePlan& plan, abi::Index op, int error_number);

}  // namespace moat::run
