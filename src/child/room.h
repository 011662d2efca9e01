// Will a fallocate find room? Asked by pid 1 while the caller waits in the call.
#pragma once

#include "child/call.h"
#include "plan/abi.h"

namespace moat::child {

// Notes in `shared` that the file system had no room for the call, when that is certain. `args`: of
// fallocate(2); `thread`: who makes it. The answer to the call does not depend on it.
void NoteUnmet(const Caller& call, abi::Shared* shared, std::int32_t thread, const std::uint64_t* args);

}  // namespace moat::child
