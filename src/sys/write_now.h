// For what is said to people while others wait: lines of a log.
#pragma once

#include <cstddef>
#include <string_view>

namespace moat::sys {

// What goes without waiting for a reader: less than all of it when a pipe, socket or terminal is full, or
// nobody reads any more. The description may be others' too, so it is not made non-blocking; who writes to
// a pipe at the same moment from another process can make this wait after all.
std::size_t WriteNow(int fd, std::string_view bytes);

}  // namespace moat::sys
