// Runs a program that cannot be changed up to its first read of standard input, or up to a
// marker, and seals it there from outside.
#pragma once

#include <string>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "moat/seal.h"

namespace moat::tool {

struct FollowRequest {
  std::vector<std::string> command;
  std::string marker;   // "": sealed at the first read of descriptor 0
  Seal seal;            // without roles: they come from what is open at that moment
};

struct Followed {
  Report report;
  std::vector<std::string> records;  // one line of JSON per violation
  std::vector<std::string> roles;    // "3 read /usr/share/x"
};

// Error: the program was not started, or it was stopped because it could not be sealed.
Result<Followed> Follow(const FollowRequest& request);

}  // namespace moat::tool
