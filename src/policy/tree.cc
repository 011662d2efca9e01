// The only file that knows the TOML library. Without its exceptions: a bad text is an
// answer, not a surprise.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "policy/tree.h"

#include <algorithm>

namespace moat::policy {
namespace {

Origin At(const std::string& path, const toml::source_region& region) {
  return {path, region.begin.line, region.begin.column};
}

Node Convert(const toml::node& from, const std::string& path);

Node::Kind KindOf(const toml::node& from) {
  switch (from.type()) {
    case toml::node_type::string:
      return Node::Kind::kString;
    case toml::node_type::integer:
      return Node::Kind::kInteger;
    case toml::node_type::floating_point:
      return Node::Kind::kFloat;
    case toml::node_type::boolean:
      return Node::Kind::kBool;
    case toml::node_type::array:
      return Node::Kind::kArray;
    case toml::node_type::table:
      return Node::Kind::kTable;
    default:
      return Node::Kind::kDate;
  }
}

void ConvertTable(const toml::table& from, const std::string& path, Node& to) {
  for (auto&& [key, value] : from) {
    to.entries.push_back({std::string(key.str()), At(path, key.source()), Convert(value, path)});
  }
  // The library sorts by name; people read by line, and so do errors.
  std::stable_sort(to.entries.begin(), to.entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.origin.line, a.origin.column) < std::pair(b.origin.line, b.origin.column);
  });
}

Node Convert(const toml::node& from, const std::string& path) {
  Node to;
  to.kind = KindOf(from);
  to.origin = At(path, from.source());
  if (const auto* text = from.as_string()) to.text = text->get();
  if (const auto* integer = from.as_integer()) to.integer = integer->get();
  if (const auto* number = from.as_floating_point()) to.number = number->get();
  if (const auto* boolean = from.as_boolean()) to.integer = boolean->get() ? 1 : 0;
  if (const auto* array = from.as_array()) {
    for (const toml::node& item : *array) to.items.push_back(Convert(item, path));
  }
  if (const auto* table = from.as_table()) ConvertTable(*table, path, to);
  return to;
}

Error Describe(const toml::parse_error& failure, const std::string& path) {
  const std::string_view description = failure.description();
  Error error = PolicyError("not valid TOML: " + std::string(description), At(path, failure.source()));
  if (description.find("redefine") != std::string_view::npos) {
    error.message = "this key or section was already written above";
    error.fix = "keep one of the two";
  } else if (description.find("not representable in 64 bits") != std::string_view::npos) {
    error.message = "a number too large to mean anything here";
    error.fix = "sizes and times are strings with a unit, such as \"512M\" or \"30s\"";
  }
  return error;
}

}  // namespace

const Entry* Node::Find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kString:
      return "a string";
    case Node::Kind::kInteger:
      return "a whole number";
    case Node::Kind::kFloat:
      return "a number with a fraction";
    case Node::Kind::kBool:
      return "true or false";
    case Node::Kind::kDate:
      return "a date or time";
    case Node::Kind::kArray:
      return "a list";
    case Node::Kind::kTable:
      return "a table";
  }
  return "something else";
}

Result<Node> ParseTree(std::string_view text, const std::string& path) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return WithFix(PolicyError("the policy is empty", {path, 1, 0}), "begin it with `moat = 1`");
  }
  toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) return Describe(parsed.error(), path);
  return Convert(parsed.table(), path);
}

}  // namespace moat::policy
