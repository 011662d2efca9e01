// The text of an SVG while it is written: definitions apart from the body, a budget over both, and
// everything that comes from a file escaped.
//
// Not shared between threads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "scene/scene.h"

namespace svg {

// What a file says, as the value of an attribute in double quotes: markup escaped, control characters
// and what XML forbids dropped, broken UTF-8 as U+FFFD; at most `most` characters.
std::string Escaped(std::string_view text, std::size_t most);

std::string Base64(const std::uint8_t* data, std::size_t size);

// ` name="value"`; the value is ours, numbers and references, and needs no escape.
std::string Attribute(std::string_view name, std::string_view value);
std::string Attribute(std::string_view name, double value);
std::string TransformAttribute(std::string_view name, const scene::Matrix& matrix);  // "" for the identity
std::string BoxAttributes(const scene::Rect& rect);  // x, y, width and height
std::string Reference(std::string_view id);  // "url(#id)"

class Markup {
 public:
  explicit Markup(std::uint64_t most_bytes) : left_(most_bytes) {}

  // Whether the budget was passed; what was added since is dropped.
  bool over() const { return over_; }
  // False, and over(), when that much cannot be added: asked before something large is made.
  bool Has(std::uint64_t bytes);

  void Add(std::string_view text);  // to the innermost definition that is open, else to the body

  // What is added until EndDefinition goes into the definitions. They nest.
  void BeginDefinition();
  void EndDefinition();
  // A whole element, `head` up to its id and `tail` from there on: `<mask`, ` x="1">...</mask>`. The
  // same one twice is written once. Returns its id, PREFIX and a number.
  std::string Define(std::string_view prefix, std::string_view head, std::string_view tail);
  std::string NewId(std::string_view prefix);

  // The definitions, then the body.
  const std::string& definitions() const { return definitions_; }
  const std::string& body() const { return body_; }

 private:
  std::uint64_t left_;
  bool over_ = false;
  std::string definitions_, body_;
  std::vector<std::string> open_;
  std::map<std::string, std::uint64_t, std::less<>> numbers_;   // by prefix
  std::map<std::string, std::string, std::less<>> defined_;     // by content
};

}  // namespace svg
