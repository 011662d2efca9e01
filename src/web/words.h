// A list of texts as one, and back: JSON, for whoever looks into the database.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moat::web {

std::string JoinWords(const std::vector<std::string>& words);
std::vector<std::string> SplitWords(std::string_view text);  // empty when it is no such list

}  // namespace moat::web
