// Paths as text: absolute, normal, and how they lie to one another. No file system. Pure.
#pragma once

#include <string>
#include <string_view>

#include "moat/result.h"

namespace moat::policy {

// "/a//b/./c/" -> "/a/b/c". Refuses what is empty, relative, begins with "~", contains ".."
// or NUL, or is longer than the kernel takes.
Result<std::string> NormalPath(std::string_view text);

// Whether `path` is `folder` or lies below it. Both normal.
bool IsWithin(std::string_view path, std::string_view folder);

}  // namespace moat::policy
