// The commands that make plans: `moat plan`, and the launcher's own request.
#pragma once

#include <string>
#include <vector>

#include "cli/launcher/invocation.h"
#include "moat/result.h"
#include "policy/load.h"

namespace moat::tool {

// Profiles by name as everybody finds them: /etc/moat, the user's own, those that moat ships.
policy::ReadProfile StandardProfiles();
// The policy of a command line, its flags applied and checked.
Result<policy::Model> LoadModel(const launcher::Invocation& run);

// Beside this program: libexec/moat/moat-probe, and bin/moat.
std::string ProbeProgram();
std::string LauncherProgram();

// __compile FD RUN-ARGS...: writes the plan, or the error, to the descriptor. Exit 0 or 125.
int CompileCommand(const std::vector<std::string>& args);
// plan POLICY [flags] [-- CMD]: the effective policy, the prepared system calls, the filter.
int PlanCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
