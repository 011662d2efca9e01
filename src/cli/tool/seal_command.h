// `moat seal`: a program that was not written for it, sealed from outside.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

int SealCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
