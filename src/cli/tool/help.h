// `moat help [run]`; the flags come from spec/options.toml.
#pragma once

#include <string>
#include <string_view>

namespace moat::tool {

std::string HelpText(std::string_view topic);

}  // namespace moat::tool
