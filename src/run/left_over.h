// Who of a job is still there after it was killed.
#pragma once

#include <string>

namespace moat::run {

// In words, for the report: "killed, and not gone: process 7 `cp` (state D, in `fuse_wait`)". `pid` is the
// job's pid 1, whose children all that are left have become; never "".
std::string NameLeftOver(int pid);

}  // namespace moat::run
