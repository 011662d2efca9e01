// A policy text as a tree in which every key and value knows its place. Hides the TOML
// library from everybody else. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moat/result.h"

namespace moat::policy {

struct Node;
struct Entry;

struct Node {
  enum class Kind : std::uint8_t { kString, kInteger, kFloat, kBool, kDate, kArray, kTable };

  Kind kind = Kind::kTable;
  Origin origin;               // of the value
  std::string text;            // kString
  std::int64_t integer = 0;    // kInteger, kBool
  double number = 0;           // kFloat
  std::vector<Node> items;     // kArray
  std::vector<Entry> entries;  // kTable, in the order of the text

  const Entry* Find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Origin origin;  // of the key
  Node value;
};

std::string_view KindName(Node::Kind kind);  // "a string", "a table"

Result<Node> ParseTree(std::string_view text, const std::string& path);

}  // namespace moat::policy
