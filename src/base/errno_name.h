// errno numbers in words, the same under glibc and musl. Pure, thread-safe.
#pragma once

#include <optional>
#include <string_view>

namespace moat::base {

std::string_view ErrnoName(int error_number);  // "ENOENT"; "errno" for unknown ones
std::string_view ErrnoText(int error_number);  // "no such file or directory"

// Also the second names EWOULDBLOCK, EDEADLOCK and ENOTSUP. Nothing for unknown names.
std::optional<int> ErrnoFromName(std::string_view name);

}  // namespace moat::base
