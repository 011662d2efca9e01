// Does a plan hold together? Plans come from a cache file and through pipes.
#pragma once

#include <string_view>

namespace moat::run {

// True when every count, index and offset stays inside the blob, so that making it ready and
// running it touches no other memory. Says nothing about what the calls do. Pure.
bool HoldsTogether(std::string_view plan);

}  // namespace moat::run
