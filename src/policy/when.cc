// A recursive descent parser that builds the disjunctive normal form as it goes: "!" is
// pushed inwards to the comparisons, each of which has an opposite.
#include "policy/when.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "base/similar.h"
#include "base/text.h"
#include "policy/constants.h"
#include "policy/when_tokens.h"

namespace moat::policy {
namespace {

using bpf::ArgKind;
using bpf::Compare;
using bpf::Condition;

// Each alternative is a filter rule; more than this is a mistake, or belongs in code.
constexpr std::size_t kMaxAlternatives = 64;
constexpr std::size_t kMaxConditions = 64;  // in one alternative
constexpr int kMaxDepth = 32;               // of "(" and "!"

enum class Negated : bool { kNo, kYes };

Negated Flip(Negated negated) { return negated == Negated::kNo ? Negated::kYes : Negated::kNo; }

Compare Opposite(Compare compare) {
  switch (compare) {
    case Compare::kEqual:
      return Compare::kNotEqual;
    case Compare::kNotEqual:
      return Compare::kEqual;
    case Compare::kLess:
      return Compare::kGreaterEqual;
    case Compare::kGreaterEqual:
      return Compare::kLess;
    case Compare::kLessEqual:
      return Compare::kGreater;
    case Compare::kGreater:
      return Compare::kLessEqual;
    case Compare::kMaskedEqual:
      return Compare::kMaskedNotEqual;
    case Compare::kMaskedNotEqual:
      break;
  }
  return Compare::kMaskedEqual;
}

std::optional<Compare> CompareOf(std::string_view symbol) {
  if (symbol == "==") return Compare::kEqual;
  if (symbol == "!=") return Compare::kNotEqual;
  if (symbol == "<") return Compare::kLess;
  if (symbol == "<=") return Compare::kLessEqual;
  if (symbol == ">") return Compare::kGreater;
  if (symbol == ">=") return Compare::kGreaterEqual;
  return std::nullopt;
}

// Constants can differ between architectures. The table entry tells which one is meant: it
// has static storage, one array per ABI. An entry made by hand counts as the native one.
bpf::Abi AbiOf(const bpf::SyscallInfo& call) {
  for (const bpf::Abi abi : {bpf::Abi::kX86_64, bpf::Abi::kAarch64}) {
    const auto calls = bpf::Syscalls(abi);
    const std::less<const bpf::SyscallInfo*> before;
    if (!before(&call, calls.data()) && before(&call, calls.data() + calls.size())) return abi;
  }
  return bpf::NativeAbi();
}

std::string Quote(std::string_view text) { return "`" + std::string(text.substr(0, 64)) + "`"; }

std::string DidYouMean(const std::string& word) {
  return word.empty() ? std::string() : "; did you mean " + Quote(word) + "?";
}

struct Value {
  std::uint64_t number = 0;
  std::size_t column = 0;
};

struct Argument {
  std::uint8_t index = 0;
  ArgKind kind = ArgKind::kNone;
  std::string_view name;
};

class Parser {
 public:
  Parser(std::vector<Token> tokens, const bpf::SyscallInfo& call, const Origin& origin)
      : tokens_(std::move(tokens)), call_(call), abi_(AbiOf(call)), origin_(origin) {}

  Result<Alternatives> Parse() {
    Alternatives all = MOAT_TRY(Any(Negated::kNo));
    if (Peek().kind != TokenKind::kEnd) return Unexpected("`&&`, `||` or the end");
    return all;
  }

 private:
  const Token& Peek() const { return tokens_[next_]; }
  Token Take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool Accept(std::string_view text) {
    if (Peek().kind == TokenKind::kNumber || Peek().text != text) return false;
    Take();
    return true;
  }
  Error Fail(std::size_t column, const std::string& what) const { return WhenError(column, what, origin_); }
  Error Unexpected(const std::string& wanted) const {
    const std::string found = Peek().kind == TokenKind::kEnd ? "the end" : Quote(Peek().text);
    return Fail(Peek().column, "expected " + wanted + ", found " + found);
  }

  Result<Alternatives> Any(Negated negated) {
    Alternatives left = MOAT_TRY(All(negated));
    for (std::size_t column = Peek().column; Accept("||"); column = Peek().column) {
      Alternatives right = MOAT_TRY(All(negated));
      left = MOAT_TRY(negated == Negated::kYes ? Both(left, right, column) : Either(left, right, column));
    }
    return left;
  }

  Result<Alternatives> All(Negated negated) {
    Alternatives left = MOAT_TRY(One(negated));
    for (std::size_t column = Peek().column; Accept("&&"); column = Peek().column) {
      Alternatives right = MOAT_TRY(One(negated));
      left = MOAT_TRY(negated == Negated::kYes ? Either(left, right, column) : Both(left, right, column));
    }
    return left;
  }

  Result<Alternatives> Either(Alternatives left, const Alternatives& right, std::size_t column) const {
    for (const auto& alternative : right) {
      if (std::find(left.begin(), left.end(), alternative) == left.end()) left.push_back(alternative);
    }
    if (left.size() > kMaxAlternatives) return TooMany(column);
    return left;
  }

  Result<Alternatives> Both(const Alternatives& left, const Alternatives& right, std::size_t column) const {
    if (left.size() * right.size() > kMaxAlternatives) return TooMany(column);
    Alternatives product;
    for (const auto& a : left) {
      for (const auto& b : right) {
        std::vector<Condition> both = a;
        for (const Condition& condition : b) {
          if (std::find(both.begin(), both.end(), condition) == both.end()) both.push_back(condition);
        }
        if (both.size() > kMaxConditions) return TooMany(column);
        product.push_back(std::move(both));
      }
    }
    return product;
  }

  Error TooMany(std::size_t column) const {
    return WithFix(Fail(column, "this needs more than " + base::Number(kMaxAlternatives) + " alternatives"),
                   "split it into several rules");
  }

  Result<Alternatives> One(Negated negated) {
    const std::size_t column = Peek().column;
    const bool opens = Peek().kind == TokenKind::kSymbol && (Peek().text == "(" || Peek().text == "!");
    if (!opens) return Test(negated);
    if (depth_ >= kMaxDepth) return Fail(column, "nested too deeply");
    ++depth_;
    const bool inverts = Take().text == "!";
    Alternatives inner = MOAT_TRY(inverts ? One(Flip(negated)) : Any(negated));
    --depth_;
    if (!inverts && !Accept(")")) return Unexpected("`)`");
    return inner;
  }

  Result<Alternatives> Test(Negated negated) {
    const Argument argument = MOAT_TRY(TakeArgument());
    const std::size_t column = Peek().column;
    if (Accept("in")) return In(argument, negated);
    const bool has = Accept("has");
    if (has || Accept("lacks")) return Bits(argument, has, negated);
    const bool masked = Accept("&");
    Value mask;
    if (masked) mask = MOAT_TRY(TakeValue(argument));
    const std::optional<Compare> compare = CompareOf(Peek().text);
    if (!compare.has_value()) {
      return Unexpected(masked ? "`==` or `!=`" : "a comparison, `in`, `has` or `lacks`");
    }
    Take();
    const Value value = MOAT_TRY(TakeValue(argument));
    if (!masked) return Single({argument.index, *compare, value.number, ~0ULL}, negated);
    return Masked(argument, mask, *compare, value, column, negated);
  }

  Result<Alternatives> Masked(const Argument& argument, const Value& mask, Compare compare,
                              const Value& value, std::size_t column, Negated negated) const {
    if (compare != Compare::kEqual && compare != Compare::kNotEqual) {
      return Fail(column, "masked bits compare with `==` or `!=` only");
    }
    if (mask.number == 0) return Fail(mask.column, "a mask of 0 leaves no bit to compare");
    const std::uint64_t width = bpf::Is32Bit(argument.kind) ? 0xffffffffULL : ~0ULL;
    if ((value.number & ~mask.number & width) != 0) {
      return Fail(value.column, base::Hex(value.number & width) + " has bits that the mask " +
                                    base::Hex(mask.number & width) + " clears: they are never equal");
    }
    const Compare masked = compare == Compare::kEqual ? Compare::kMaskedEqual : Compare::kMaskedNotEqual;
    return Single({argument.index, masked, value.number, mask.number}, negated);
  }

  Result<Alternatives> Bits(const Argument& argument, bool has, Negated negated) {
    const Value bits = MOAT_TRY(TakeValue(argument));
    if (bits.number == 0) return Fail(bits.column, "0 has no bits to look for");
    return Single({argument.index, Compare::kMaskedEqual, has ? bits.number : 0, bits.number}, negated);
  }

  Result<Alternatives> In(const Argument& argument, Negated negated) {
    if (!Accept("[")) return Unexpected("`[`");
    Alternatives list;
    do {
      const std::size_t column = Peek().column;
      const Value value = MOAT_TRY(TakeValue(argument));
      Alternatives each = Single({argument.index, Compare::kEqual, value.number, ~0ULL}, negated);
      if (list.empty()) {
        list = std::move(each);
      } else {
        list = MOAT_TRY(negated == Negated::kYes ? Both(list, each, column) : Either(list, each, column));
      }
    } while (Accept(","));
    if (!Accept("]")) return Unexpected("`,` or `]`");
    return list;
  }

  static Alternatives Single(Condition condition, Negated negated) {
    if (negated == Negated::kYes) condition.compare = Opposite(condition.compare);
    return {{condition}};
  }

  std::string ArgumentNames() const {
    std::string names;
    for (std::size_t i = 0; i < call_.arg_count; ++i) {
      names += (i == 0 ? "" : ", ") + std::string(call_.args[i].name);
    }
    return names.empty() ? "none" : names;
  }

  std::optional<std::size_t> ArgumentIndex(std::string_view name) const {
    for (std::size_t i = 0; i < 6; ++i) {
      if (call_.args[i].kind == ArgKind::kNone) continue;
      if (call_.args[i].name == name || name == "arg" + base::Number(i)) return i;
    }
    return std::nullopt;
  }

  Result<Argument> TakeArgument() {
    if (Peek().kind != TokenKind::kWord) return Unexpected("an argument of " + std::string(call_.name));
    const Token word = Take();
    const std::optional<std::size_t> index = ArgumentIndex(word.text);
    if (!index.has_value()) {
      std::vector<std::string_view> names;
      for (const bpf::Arg& arg : call_.args) {
        if (arg.kind != ArgKind::kNone) names.push_back(arg.name);
      }
      return Fail(word.column, std::string(call_.name) + " has no argument " + Quote(word.text) +
                                   " (it has: " + ArgumentNames() + ")" +
                                   DidYouMean(base::Closest(word.text, names)));
    }
    const bpf::Arg& arg = call_.args[*index];
    if (arg.kind == ArgKind::kPointer) {
      return Fail(word.column, Quote(arg.name) + " is an address, and a filter cannot see what it points to");
    }
    return Argument{static_cast<std::uint8_t>(*index), arg.kind, arg.name};
  }

  // number or constant, joined by "|"
  Result<Value> TakeValue(const Argument& argument) {
    Value value;
    value.column = Peek().column;
    do {
      value.number |= MOAT_TRY(TakeTerm(argument));
    } while (Accept("|"));
    const bool negative = static_cast<std::int64_t>(value.number) < 0;
    const bool sign_extended = bpf::IsSigned(argument.kind) && value.number >= 0xffffffff80000000ULL;
    if (bpf::Is32Bit(argument.kind) && value.number > 0xffffffffULL && !sign_extended) {
      return Fail(value.column, (negative ? "a negative value cannot be in "
                                          : base::Hex(value.number) + " is wider than ") +
                                    Quote(argument.name) + ", which has 32 bits" +
                                    (bpf::IsSigned(argument.kind) ? "" : " and no sign"));
    }
    return value;
  }

  Result<std::uint64_t> TakeTerm(const Argument& argument) {
    const bool minus = Accept("-");
    const Token term = Peek();
    if (term.kind == TokenKind::kNumber) {
      Take();
      if (!minus) return term.number;
      if (!bpf::IsSigned(argument.kind))
        return Fail(term.column, Quote(argument.name) + " is never negative");
      if (term.number > 1ULL << 63) return Fail(term.column, "too far below zero");
      return 0 - term.number;
    }
    if (minus || term.kind != TokenKind::kWord)
      return Unexpected(minus ? "a number" : "a number or a constant");
    Take();
    if (const auto constant = FindConstant(term.text, abi_)) return *constant;
    std::vector<std::string_view> names;
    for (const Constant& row : Constants()) names.push_back(row.name);
    return Fail(term.column,
                "unknown constant " + Quote(term.text) + DidYouMean(base::Closest(term.text, names)));
  }

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  int depth_ = 0;
  const bpf::SyscallInfo& call_;
  bpf::Abi abi_;
  const Origin& origin_;
};

}  // namespace

Result<Alternatives> ParseWhen(std::string_view text, const bpf::SyscallInfo& call, const Origin& origin) {
  std::vector<Token> tokens = MOAT_TRY(Tokenize(text, origin));
  return Parser(std::move(tokens), call, origin).Parse();
}

}  // namespace moat::policy
