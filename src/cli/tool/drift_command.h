// `moat doctor POLICY...`: what has changed on this host since the policies were learned.
#pragma once

#include <string>
#include <vector>

namespace moat::tool {

// Exit code 0: nothing; 1: something; 125: moat could not look.
int DriftCommand(const std::vector<std::string>& args);

}  // namespace moat::tool
