// `moat http`: the HTTP door, with its store, over who runs the jobs.
#pragma once

#include <string>
#include <vector>

namespace moat::http_tool {

int HttpCommand(const std::vector<std::string>& args);
int TopCommand(const std::vector<std::string>& args);

}  // namespace moat::http_tool
