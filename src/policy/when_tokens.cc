#include "policy/when_tokens.h"

#include <optional>
#include <string>

#include "base/text.h"

namespace moat::policy {
namespace {

// Longer ones first: "||" before "|".
constexpr std::string_view kSymbols[] = {"||", "&&", "==", "!=", "<=", ">=", "<", ">", "|",
                                         "&",  "(",  ")",  "[",  "]",  ",",  "!", "-"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::optional<unsigned> DigitValue(char c, unsigned base) {
  unsigned value = 16;
  if (IsDigit(c)) value = static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') value = static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') value = static_cast<unsigned>(c - 'A' + 10);
  return value < base ? std::optional(value) : std::nullopt;
}

// 10, 0x1f, 0644; nothing when it is none of these or needs more than 64 bits.
std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  unsigned base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const bool hex = text[1] == 'x' || text[1] == 'X';
    base = hex ? 16 : 8;
    text.remove_prefix(hex ? 2 : 1);
  }
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::optional<unsigned> digit = DigitValue(c, base);
    if (!digit.has_value() || value > (~0ULL - *digit) / base) return std::nullopt;
    value = value * base + *digit;
  }
  return value;
}

std::string_view SymbolAt(std::string_view text) {
  for (const std::string_view symbol : kSymbols) {
    if (text.substr(0, symbol.size()) == symbol) return text.substr(0, symbol.size());
  }
  return {};
}

std::string Quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

// A byte that no token begins with; control bytes are not repeated to a terminal.
std::string NameOf(char c) {
  const bool printable = c > ' ' && c < 0x7f;
  return printable ? Quoted(std::string_view(&c, 1)) : "byte " + base::Hex(static_cast<unsigned char>(c));
}

}  // namespace

Error WhenError(std::size_t column, std::string_view what, const Origin& origin) {
  return PolicyError("column " + base::Number(column) + " of `when`: " + std::string(what), origin);
}

Result<std::vector<Token>> Tokenize(std::string_view text, const Origin& origin) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (at < text.size()) {
    if (IsSpace(text[at])) {
      ++at;
      continue;
    }
    Token token;
    token.column = at + 1;
    if (IsWord(text[at])) {
      std::size_t end = at;
      while (end < text.size() && IsWord(text[end])) ++end;
      token.text = text.substr(at, end - at);
      token.kind = IsDigit(text[at]) ? TokenKind::kNumber : TokenKind::kWord;
    } else {
      token.text = SymbolAt(text.substr(at));
      token.kind = TokenKind::kSymbol;
      if (token.text == "" && text[at] == '=') return WhenError(at + 1, "`=` is written `==`", origin);
      if (token.text.empty()) return WhenError(at + 1, NameOf(text[at]) + " means nothing here", origin);
    }
    if (token.kind == TokenKind::kNumber) {
      const std::optional<std::uint64_t> number = ParseNumber(token.text);
      if (!number.has_value()) {
        return WhenError(token.column, Quoted(token.text.substr(0, 64)) + " is not a number of 64 bits",
                         origin);
      }
      token.number = *number;
    }
    at += token.text.size();
    tokens.push_back(token);
  }
  Token end;
  end.column = text.size() + 1;
  tokens.push_back(end);
  return tokens;
}

}  // namespace moat::policy
