// What a program gives up before it serves, besides its system calls. In the order of use.
#pragma once

#include <cstdint>

#include "moat/result.h"
#include "moat/worker.h"

namespace moat::pool {

// Namespaces of its own, with nothing in them: no file, no network, no IPC object.
Status StandApart();
// Root becomes a user of moat's range that nobody else is; nobody keeps capabilities.
Status GiveUpRights();
// Limits that hold for the zygote as for its workers; 0, 1 and 2 lead nowhere.
Status LowerLimits(std::uint64_t file_size);
Status PointStandardStreamsNowhere();
// Private writable memory of this process, in bytes, as RLIMIT_DATA counts it.
Result<std::uint64_t> OwnMemory();
// Writable memory that all jobs would share is refused.
Status CheckNothingShared();

}  // namespace moat::pool
