// Characters of text that a file brings along.
#pragma once

#include <cstddef>
#include <string_view>

namespace svg {

struct Character {
  char32_t code = 0;
  std::size_t length = 1;
  bool valid = false;
};

// The first character of UTF-8 that is not empty; over-long forms, surrogates and what lies beyond
// Unicode are invalid, and one byte long.
Character NextCharacter(std::string_view text);

// Controls of both kinds, line separators, marks that turn the direction of the text around them, and
// what is no character at all: a terminal might obey these, and XML forbids most.
bool IsTreacherous(char32_t code);

}  // namespace svg
