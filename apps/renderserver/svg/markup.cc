#include "svg/markup.h"

#include "svg/number.h"
#include "svg/unicode.h"

namespace svg {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kRemembered = 4096;  // longer definitions are not looked up again

std::string_view EntityOf(char32_t code) {
  switch (code) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return {};
  }
}

}  // namespace

std::string Escaped(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t count = 0; !text.empty() && count < most; ++count) {
    const Character character = NextCharacter(text);
    const std::string_view entity = character.valid ? EntityOf(character.code) : kReplacement;
    if (!entity.empty()) {
      out += entity;
    } else if (!IsTreacherous(character.code)) {
      out += text.substr(0, character.length);
    }
    text.remove_prefix(character.length);
  }
  return out;
}

std::string Base64(const std::uint8_t* data, std::size_t size) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((size + 2) / 3 * 4);
  for (std::size_t at = 0; at < size; at += 3) {
    const std::size_t count = size - at < 3 ? size - at : 3;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < count ? data[at + i] : 0u);
    for (std::size_t i = 0; i < 4; ++i) out += i <= count ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string Attribute(std::string_view name, std::string_view value) {
  std::string text(" ");
  text.append(name).append("=\"").append(value).append("\"");
  return text;
}

std::string Attribute(std::string_view name, double value) { return Attribute(name, Number(value)); }

std::string TransformAttribute(std::string_view name, const scene::Matrix& matrix) {
  const std::string value = TransformValue(matrix);
  return value.empty() ? "" : Attribute(name, value);
}

std::string BoxAttributes(const scene::Rect& rect) {
  return Attribute("x", rect.x) + Attribute("y", rect.y) + Attribute("width", rect.width) + Attribute("height", rect.height);
}

std::string Reference(std::string_view id) { return std::string("url(#").append(id).append(")"); }

bool Markup::Has(std::uint64_t bytes) {
  if (bytes > left_) over_ = true;
  return !over_;
}

void Markup::Add(std::string_view text) {
  if (!Has(text.size())) return;
  left_ -= text.size();
  (open_.empty() ? body_ : open_.back()) += text;
}

void Markup::BeginDefinition() { open_.emplace_back(); }

void Markup::EndDefinition() {
  definitions_ += open_.back();
  open_.pop_back();
}

std::string Markup::Define(std::string_view prefix, std::string_view head, std::string_view tail) {
  std::string content(head);
  content += tail;
  if (const auto known = defined_.find(content); known != defined_.end()) return known->second;
  std::string id = NewId(prefix);
  BeginDefinition();
  Add(head);
  Add(Attribute("id", id));
  Add(tail);
  EndDefinition();
  if (content.size() <= kRemembered) defined_.emplace(std::move(content), id);
  return id;
}

std::string Markup::NewId(std::string_view prefix) {
  auto place = numbers_.find(prefix);
  if (place == numbers_.end()) place = numbers_.emplace(prefix, 0).first;
  return std::string(prefix) + std::to_string(++place->second);
}

}  // namespace svg
