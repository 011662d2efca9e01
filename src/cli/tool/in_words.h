// A denial as `moat explain` and the dashboard tell it.
#pragma once

#include <string>

#include "moat/report.h"

namespace moat::tool {

// One denial in words, with the edit that would allow it.
std::string InWords(const Denial& denial);

}  // namespace moat::tool
