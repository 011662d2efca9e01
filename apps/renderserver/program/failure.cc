#include "program/failure.h"

#include "svg/unicode.h"

namespace program {

std::string Printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const svg::Character character = svg::NextCharacter(text);
    out += !character.valid ? "\xEF\xBF\xBD" : svg::IsTreacherous(character.code) ? std::string_view() : text.substr(0, character.length);
    text.remove_prefix(character.length);
  }
  return out;
}

}  // namespace program
