// Where the other parts of moat are.
#pragma once

#include <string>
#include <vector>

namespace moat::api {

// In order; those that exist.
std::vector<std::string> Launchers(const std::string& given);
// Folders of the profiles that moat ships.
std::vector<std::string> ShippedProfiles();

}  // namespace moat::api
