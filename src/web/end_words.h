// How a job ended that was not run, in the words of the store, the history and the log.
#pragma once

#include <string>

#include "web/backend.h"

namespace moat::web {

inline constexpr const char* kTooLate = "it waited too long and was not started";
inline constexpr const char* kNotWanted = "cancelled while it waited";

const char* EndingOf(const JobEnd& end);
std::string WhyOf(const JobEnd& end);

// Something that comes back: descriptors, memory, room.
bool IsScarce(int error_number);
// The host had no room for it, of whatever kind: it was not started, and another time it may be.
bool NoRoom(const JobEnd& end);
// It was begun, and its jail came to nothing for the same reason: the program was not started.
bool IsShort(const JobEnd& end);

}  // namespace moat::web
