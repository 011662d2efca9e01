// What the launcher has to say to a person. Unbuffered: it ends without libc's exit.
#pragma once

#include <string>

namespace moat::launcher {

inline constexpr int kMoatFailed = 125;

void Say(const std::string& line);  // a line on standard error

}  // namespace moat::launcher
