// `moat serve`.
#pragma once

#include <string>
#include <vector>

namespace moat::serve_tool {

int ServeCommand(const std::vector<std::string>& args);

}  // namespace moat::serve_tool
