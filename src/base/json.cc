#include "base/json.h"

#include <utility>

#include "base/safe_text.h"
#include "base/text.h"
#include "base/utf8.h"

namespace moat::base {
namespace {

constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
constexpr std::string_view kShortLetters = "btnfr\"\\";

void AppendUnit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[unit >> shift & 15];
}

void AppendEscaped(std::string& out, std::uint32_t code) {
  if (code < 0x10000) return AppendUnit(out, code);
  AppendUnit(out, 0xd800 + ((code - 0x10000) >> 10));
  AppendUnit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

}  // namespace

std::string Base64(std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const bool beyond = at + i > bytes.size();
      out += beyond ? '=' : kAlphabet[group >> (18 - 6 * i) & 63];
    }
  }
  return out;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  BeforeValue();
  AppendString(name);
  out_ += ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view bytes) {
  if (!IsUtf8(bytes)) {
    return BeginObject().Key("base64").Text(Base64(bytes)).Key("printable").Text(Printable(bytes)).EndObject();
  }
  BeforeValue();
  AppendString(bytes);
  return *this;
}

JsonWriter& JsonWriter::Number(std::uint64_t value) { return Raw(base::Number(value)); }
JsonWriter& JsonWriter::Signed(std::int64_t value) { return Raw(SignedNumber(value)); }
JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Raw("null"); }

std::string JsonWriter::Take() && {
  out_ += '\n';
  return std::move(out_);
}

JsonWriter& JsonWriter::Begin(char bracket) {
  BeforeValue();
  out_ += bracket;
  empty_.push_back(true);
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  const bool was_empty = empty_.back();
  empty_.pop_back();
  if (!was_empty) NewLine();
  out_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view text) {
  BeforeValue();
  out_ += text;
  return *this;
}

// The comma and the line of a value or, in an object, of its key.
void JsonWriter::BeforeValue() {
  if (std::exchange(after_key_, false) || empty_.empty()) return;
  if (!empty_.back()) out_ += ',';
  empty_.back() = false;
  NewLine();
}

void JsonWriter::NewLine() {
  out_ += '\n';
  out_.append(empty_.size() * 2, ' ');
}

void JsonWriter::AppendString(std::string_view utf8) {
  out_ += '"';
  char before = 0;
  while (!utf8.empty()) {
    Character character = DecodeUtf8(utf8);
    if (character.length == 0) character = {0xfffd, 1};  // a key that broke its promise
    const std::size_t letter = kShort.find(utf8[0]);
    if (letter != std::string_view::npos) {
      out_ += '\\';
      out_ += kShortLetters[letter];
    } else if (IsTreacherous(character.code) || (utf8[0] == '#' && before == '#')) {
      AppendEscaped(out_, character.code);
    } else {
      out_ += character.code == 0xfffd ? std::string_view("\xef\xbf\xbd") : utf8.substr(0, character.length);
    }
    before = utf8[0];
    utf8.remove_prefix(character.length);
  }
  out_ += '"';
}

}  // namespace moat::base
