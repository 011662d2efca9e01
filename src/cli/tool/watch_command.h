// `moat run --watch`: a job whose refusals are listed, each with what was wanted and what would allow it.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

// __watch RUN-ARGS...: as `moat run`, and exits like it.
int WatchCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
