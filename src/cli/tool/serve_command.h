// `moat serve`.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

int ServeCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
