// `when` text -> tokens. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "moat/result.h"

namespace moat::policy {

enum class TokenKind : std::uint8_t { kWord, kNumber, kSymbol, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;     // "" at the end
  std::size_t column = 0;    // 1-based, in the text
  std::uint64_t number = 0;  // kNumber
};

// Ends with a kEnd token. Views point into `text`.
Result<std::vector<Token>> Tokenize(std::string_view text, const Origin& origin);

// "column 7 of `when`: ..." with the origin passed on as it is.
Error WhenError(std::size_t column, std::string_view what, const Origin& origin);

}  // namespace moat::policy
