// `moat submit`: has a job done by the daemon. Here and not among the other commands, for a caller waits for it:
// a program that the dynamic loader starts costs more than the job.
#pragma once

#include <string>
#include <vector>

namespace moat::launcher {

// `args`: what stands behind `submit`. Returns the exit code.
int Submit(const std::vector<std::string>& args);

}  // namespace moat::launcher
