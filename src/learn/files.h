// From single files to lines of [files]: path groups where they cover, folders where many lie together.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "learn/observations.h"
#include "policy/model.h"

namespace moat::learn {

struct FileLine {
  std::string entry;  // "@fonts", "/usr/share/x?"
  Evidence evidence;
};
std::vector<FileLine> Generalised(const Observations& seen);

// Whether `path` is `folder` or lies below it.
bool Within(std::string_view path, std::string_view folder);

// Whether `path` (absolute, normal) lies in a host folder that the policy shows.
bool Shows(const policy::Model& model, const std::string& path);

}  // namespace moat::learn
