// `moat test POLICY --corpus DIR -- CMD {in} {out}`: a policy against real inputs, for CI.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

// Exit 0: no denial and no limit was hit; 1: some input had one; 125: it could not be tried.
int TestCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
