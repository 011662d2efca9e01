// Reads the keys of one section, each by what its table says it is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "policy/tree.h"

namespace moat::web {

struct Field {
  std::string_view key;
  std::function<Status(const policy::Entry&)> read;
};

Field TextField(std::string_view key, std::string* to);
Field SizeField(std::string_view key, std::uint64_t* to);
Field DurationField(std::string_view key, std::int64_t* to);
struct Range {
  std::uint64_t least, most;
};
Field CountField(std::string_view key, std::uint64_t* to, Range range);
// The index of the word in `words`.
Field WordField(std::string_view key, std::vector<std::string_view> words, std::function<void(std::size_t)> to);
Field ListField(std::string_view key, std::vector<std::string>* to);

Status ReadFields(const policy::Node& section, std::string_view name, const std::vector<Field>& fields);
Error ConfigError(std::string message, const Origin& origin, std::string fix = {});
Status WantTable(const policy::Entry& entry);

}  // namespace moat::web
