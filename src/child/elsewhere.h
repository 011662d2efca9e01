// Ops that have to be run among the mounts of a job.
#pragma once

#include "child/interpret.h"

namespace moat::child {

// Runs the ops of a phase in a process of its own, in a mount namespace (a descriptor of it); memory and
// descriptors are the caller's, who waits, with all signals blocked. What it may not enter fails
// as the first op of the phase.
// A network namespace of its own kind, in which nobody is: descriptors of it, and of its table of sockets. 0 or an errno.
struct NewNetwork {
  std::int32_t space = -1, sockets = -1;
};
int MakeNetwork(NewNetwork& made);

Outcome InterpretAmong(std::int32_t mounts, const Memory& memory, abi::Phase phase);

}  // namespace moat::child
