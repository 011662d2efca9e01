// `moat lint`: what is known to go wrong with a policy.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

// 0: nothing that counts; 1: findings at or above --fail-on; 125: could not look.
int LintCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
