// The steps that change the process, in their order.
#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "moat/result.h"
#include "moat/seal.h"
#include "seal/inspect.h"

namespace moat::seal {

// Limits as a second line, no core file, not to be traced by others of the same user.
Status Lower(const SealRequest& request);
// no_new_privs and the filter, for every thread of the process. `threads`: those there were before
// Lower, after which nothing can be looked up any more.
Status Lock(std::span<const sock_filter> code, const std::vector<Thread>& threads);
// A call that only a filter answers like this: it is on, in this thread.
Status IsLocked(const SealRequest& request);

// Tries what must fail, each in a copy of the process of its own, under the same filter.
Status SelfTest(std::span<const sock_filter> code, SealReport& report);

}  // namespace moat::seal
