#include "base/safe_text.h"

#include "base/text.h"
#include "base/utf8.h"

namespace moat::base {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

void AppendByte(std::string& out, unsigned char byte) {
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

void AppendEscaped(std::string& out, Character character) {
  if (character.code < 0x80) return AppendByte(out, static_cast<unsigned char>(character.code));
  out += "\\u{";
  out += Hex(character.code).substr(2);
  out += '}';
}

void AppendPrintable(std::string& out, std::string_view text) {
  char before = 0;
  while (!text.empty()) {
    const Character character = DecodeUtf8(text);
    if (character.length == 0) {
      AppendByte(out, static_cast<unsigned char>(text[0]));
    } else if (text[0] == '\\') {
      out += "\\\\";
    } else if (IsTreacherous(character.code) || (text[0] == '#' && before == '#')) {
      AppendEscaped(out, character);
    } else {
      out += text.substr(0, character.length);
    }
    before = text[0];
    text.remove_prefix(character.length == 0 ? 1 : character.length);
  }
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  AppendPrintable(out, text);
  return out;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  while (true) {
    const std::size_t quote = text.find('"');
    AppendPrintable(out, text.substr(0, quote));
    if (quote == std::string_view::npos) break;
    out += "\\\"";
    text.remove_prefix(quote + 1);
  }
  out += '"';
  return out;
}

}  // namespace moat::base
