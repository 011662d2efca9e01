// `moat serve` and `moat submit`.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

int ServeCommand(const std::vector<std::string>& args);
int SubmitCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
