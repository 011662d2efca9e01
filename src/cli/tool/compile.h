// The commands that make plans: `moat plan`, and the launcher's own request.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

// __compile FD RUN-ARGS...: writes the plan, or the error, to the descriptor. Exit 0 or 125.
int CompileCommand(const std::vector<std::string>& args);
// plan POLICY [flags] [-- CMD]: the effective policy, the prepared system calls, the filter.
int PlanCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
