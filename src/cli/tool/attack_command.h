// `moat attack`: harmless probes inside a jail, a seal or another tool's sandbox.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

// 0: nothing gets through that is not accepted; 1: something does; 125: could not look.
int AttackCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
