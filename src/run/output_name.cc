#include "run/output_name.h"

#include <cstddef>

#include "base/utf8.h"
#include "run/arrival.h"

namespace moat::run {
namespace {

// How many bytes at the start of `text` may stay as they are; 0: the first one may not.
std::size_t HarmlessPrefix(std::string_view text, bool at_start) {
  const base::Character character = base::DecodeUtf8(text);
  if (character.length == 0 || base::IsTreacherous(character.code)) return 0;
  if (character.code == '/' || (at_start && character.code == '-')) return 0;
  return character.length;
}

void AppendPercent(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += "0123456789ABCDEF"[byte >> 4];
  out += "0123456789ABCDEF"[byte & 15];
}

}  // namespace

bool IsHarmlessName(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || IsArrivalName(name)) return false;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = HarmlessPrefix(name.substr(at), at == 0);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string HarmlessName(std::string_view name) {
  std::string out;
  const bool dots = name == "." || name == "..", reserved = IsArrivalName(name);
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t length = HarmlessPrefix(name.substr(at), at == 0);
    // Byte by byte also for a whole character: its other bytes are no character of their own.
    const bool keep = length != 0 && name[at] != '%' && !dots && !(reserved && at == 0);
    if (keep) {
      out += name.substr(at, length);
    } else {
      AppendPercent(out, name[at]);
    }
    at += keep ? length : 1;
  }
  return out;
}

}  // namespace moat::run
