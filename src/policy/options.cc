#include "policy/options.h"

#include <algorithm>

#include "policy/path_groups.h"

namespace moat::policy {
namespace {

bool SameFlag(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return x == y || (x == '_' && y == '-') || (x == '-' && y == '_');
  });
}

}  // namespace

const Option* FindOption(std::string_view section, std::string_view key) {
  for (const Option& option : Options()) {
    if (option.section == section && option.key == key) return &option;
  }
  return nullptr;
}

const Option* FindFlag(std::string_view flag) {
  for (const Option& option : Options()) {
    if (!option.flag.empty() && SameFlag(option.flag, flag)) return &option;
  }
  return nullptr;
}

const PathGroup* FindPathGroup(std::string_view name) {
  for (const PathGroup& group : PathGroups()) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

}  // namespace moat::policy
