#include "web/words.h"

#include <nlohmann/json.hpp>

namespace moat::web {

using nlohmann::json;

// What is not UTF-8 cannot come from a configuration, nor from SafeName: it would be replaced here.
std::string JoinWords(const std::vector<std::string>& words) {
  return json(words).dump(-1, ' ', true, json::error_handler_t::replace);
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  const json list = json::parse(text.begin(), text.end(), nullptr, false);
  if (!list.is_array()) return words;
  for (const json& word : list) {
    if (word.is_string()) words.push_back(word.get<std::string>());
  }
  return words;
}

}  // namespace moat::web
