// ReadProfile on the real file system. The one part of policy that is not pure, and so a
// library of its own (moat_policy_files). Reads no environment: the caller names the folders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "policy/load.h"

namespace moat::policy {

// A path (contains '/' or ends in .toml) is read as it is. A name ([a-z0-9-]) is
// NAME.toml in the first of `folders` that has one. Refuses what is no regular file, is over
// 1 MiB, can be written by everybody, or by the group of an owner who is neither root nor us.
Result<SourceText> FindProfile(std::string_view name_or_path, const std::vector<std::string>& folders);

// The same as a callback for Load.
ReadProfile ProfilesIn(std::vector<std::string> folders);

// The names of all profiles in the folders, sorted, each once.
std::vector<std::string> ListProfiles(const std::vector<std::string>& folders);

}  // namespace moat::policy
