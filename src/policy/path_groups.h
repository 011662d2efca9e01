// "@libs", "@system" ...: what programs need of the system, by name. Generated from
// spec/paths.toml; includes are expanded, every path is optional. Pure.
#pragma once

#include <span>
#include <string_view>

namespace moat::policy {

enum class Execute : bool { kNo, kYes };

struct GroupPath {
  std::string_view path;
  Execute execute;
};

struct PathGroup {
  std::string_view name;  // without the "@"
  std::string_view doc;
  std::span<const GroupPath> paths;
};

std::span<const PathGroup> PathGroups();  // by name
const PathGroup* FindPathGroup(std::string_view name);

}  // namespace moat::policy
