// HMAC-SHA256 (RFC 2104) and a comparison that takes as long whatever is equal. Pure.
#pragma once

#include <string>
#include <string_view>

namespace moat::web {

std::string HmacSha256Hex(std::string_view key, std::string_view message);
bool SameSecret(std::string_view a, std::string_view b);  // a difference in length shows

}  // namespace moat::web
