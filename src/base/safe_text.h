// Text that somebody else chose, made fit for a terminal or a log. Whatever a guest can
// choose (a file name, an argument, a path) goes through Printable() on its way there:
//
//   message += base::Printable(name);  // "a\x0a\x1b[31m" instead of a new line in red
//
// Pure; core code may use it.
#pragma once

#include <string>
#include <string_view>

namespace moat::base {

// One line without controls. ASCII controls and bytes that are not UTF-8 become \xNN, other
// treacherous characters \u{NNNN}, a backslash \\: no two texts look the same. The second
// # of a pair becomes \x23, for build services take commands from lines with ##name[.
std::string Printable(std::string_view text);

// The same in double quotes, with " as \".
std::string Quoted(std::string_view text);

}  // namespace moat::base
