// What the launcher may do itself, and the user namespace that it enters when that is little.
#pragma once

#include <cstdint>

#include "moat/result.h"

namespace moat::run {

// CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID in the user namespace that we are in. The same
// question as plan::HostFacts::root: plans for one answer are never run under the other.
bool IsPrivileged();

// Enters a user and a mount namespace in which the caller's own id is 0 and which grants
// CAP_SYS_ADMIN over itself: from here on there is one way for root and everybody else. Does
// so once per process.
Status EnterOwnNamespace();

}  // namespace moat::run
