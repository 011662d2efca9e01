// `moat learn --corpus DIR -o FILE -- CMD {in} {out}`: a policy from real runs.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

int LearnCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
