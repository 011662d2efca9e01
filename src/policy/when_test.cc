#include "policy/when.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace moat::policy {
namespace {

using bpf::Abi;

const bpf::SyscallInfo& Call(std::string_view name, Abi abi = Abi::kX86_64) {
  const bpf::SyscallInfo* call = bpf::FindSyscall(abi, name);
  if (call == nullptr) throw std::runtime_error("no such call");
  return *call;
}

const char* Symbol(bpf::Compare compare) {
  static constexpr const char* kSymbols[] = {"==", "!=", "<", "<=", ">", ">=", "&==", "&!="};
  return kSymbols[static_cast<int>(compare)];
}

std::string Hex(std::uint64_t value) {
  std::ostringstream text;
  text << std::hex << value;
  return text.str();
}

// "1==5401 && 0>2 || ...", values in hexadecimal.
std::string Show(const Alternatives& alternatives) {
  std::string text;
  for (const auto& all : alternatives) {
    if (!text.empty()) text += " || ";
    std::string conjunction;
    for (const bpf::Condition& condition : all) {
      if (!conjunction.empty()) conjunction += " && ";
      conjunction += std::to_string(condition.arg);
      if (condition.compare >= bpf::Compare::kMaskedEqual) conjunction += "&" + Hex(condition.mask);
      const std::string symbol = Symbol(condition.compare);
      conjunction += (symbol[0] == '&' ? symbol.substr(1) : symbol) + Hex(condition.value);
    }
    text += conjunction;
  }
  return text;
}

std::string Parse(std::string_view text, std::string_view call, Abi abi = Abi::kX86_64) {
  const auto result = ParseWhen(text, Call(call, abi), {"p.toml", 7, 1});
  if (result.ok()) return Show(*result);
  EXPECT_EQ(result.error().kind, ErrorKind::kPolicy);
  EXPECT_EQ(result.error().origin.line, 7U);
  return result.error().message;
}

TEST(When, Comparisons) {
  EXPECT_EQ(Parse("cmd == 0x5401", "ioctl"), "1==5401");
  EXPECT_EQ(Parse("cmd!=21505", "ioctl"), "1!=5401");
  EXPECT_EQ(Parse("arg1 == 052001", "ioctl"), "1==5401");
  EXPECT_EQ(Parse("length < 1", "munmap"), "1<1");
  EXPECT_EQ(Parse("length <= 1", "munmap"), "1<=1");
  EXPECT_EQ(Parse("length > 0xffffffffffffffff", "munmap"), "1>ffffffffffffffff");
  EXPECT_EQ(Parse("length >= 1", "munmap"), "1>=1");
  EXPECT_EQ(Parse("fd == -1", "close"), "0==ffffffffffffffff");
  EXPECT_EQ(Parse("dirfd == AT_FDCWD", "openat"), "0==ffffffffffffff9c");
}

TEST(When, ConstantsAndUnions) {
  EXPECT_EQ(Parse("cmd == TIOCSTI", "ioctl"), "1==5412");
  EXPECT_EQ(Parse("prot == PROT_READ|PROT_WRITE", "mprotect"), "2==3");
  EXPECT_EQ(Parse("prot == 8 | PROT_EXEC|1", "mprotect"), "2==d");
  EXPECT_EQ(Parse("flags == O_DIRECTORY", "openat"), "2==10000");
  EXPECT_EQ(Parse("flags == O_DIRECTORY", "openat", Abi::kAarch64), "2==4000");
}

TEST(When, Bits) {
  EXPECT_EQ(Parse("prot & PROT_EXEC == 0", "mprotect"), "2&4==0");
  EXPECT_EQ(Parse("flags & O_ACCMODE != O_RDONLY", "openat"), "2&3!=0");
  EXPECT_EQ(Parse("flags & O_CREAT|O_EXCL == O_CREAT", "openat"), "2&c0==40");
  EXPECT_EQ(Parse("prot has PROT_WRITE|PROT_EXEC", "mprotect"), "2&6==6");
  EXPECT_EQ(Parse("prot lacks PROT_WRITE|PROT_EXEC", "mprotect"), "2&6==0");
  EXPECT_EQ(Parse("!prot has 6", "mprotect"), "2&6!=6");
  EXPECT_EQ(Parse("!(prot lacks 6)", "mprotect"), "2&6!=0");
}

TEST(When, Lists) {
  EXPECT_EQ(Parse("cmd in [1, 2, TCGETS]", "ioctl"), "1==1 || 1==2 || 1==5401");
  EXPECT_EQ(Parse("cmd in [5]", "ioctl"), "1==5");
  EXPECT_EQ(Parse("cmd in [5, 5]", "ioctl"), "1==5");
  EXPECT_EQ(Parse("!cmd in [1, 2]", "ioctl"), "1!=1 && 1!=2");
  EXPECT_EQ(Parse("cmd in [1|2, 4]", "ioctl"), "1==3 || 1==4");
}

TEST(When, AndBindsTighterThanOr) {
  EXPECT_EQ(Parse("fd == 1 || fd == 2 && cmd == 3", "ioctl"), "0==1 || 0==2 && 1==3");
  EXPECT_EQ(Parse("(fd == 1 || fd == 2) && cmd == 3", "ioctl"), "0==1 && 1==3 || 0==2 && 1==3");
  EXPECT_EQ(Parse("fd == 1 && fd == 1", "ioctl"), "0==1");
}

// The mask belongs to the comparison: not as in C.
TEST(When, MaskBindsTighterThanComparison) {
  EXPECT_EQ(Parse("fd & 6 == 2 && fd & 1 == 0", "close"), "0&6==2 && 0&1==0");
}

TEST(When, NotIsPushedInwards) {
  EXPECT_EQ(Parse("!fd < 3", "close"), "0>=3");
  EXPECT_EQ(Parse("!!fd < 3", "close"), "0<3");
  EXPECT_EQ(Parse("!(fd == 1 || cmd == 2)", "ioctl"), "0!=1 && 1!=2");
  EXPECT_EQ(Parse("!(fd == 1 && cmd > 2)", "ioctl"), "0!=1 || 1<=2");
  EXPECT_EQ(Parse("!(fd == 1 && (cmd > 2 || fd >= 4))", "ioctl"), "0!=1 || 1<=2 && 0<4");
  EXPECT_EQ(Parse("!(fd <= 1) && cmd == 2", "ioctl"), "0>1 && 1==2");  // "!" takes one test
}

TEST(When, UnknownNames) {
  EXPECT_EQ(Parse("flags has O_CRAET", "openat"),
            "column 11 of `when`: unknown constant `O_CRAET`; did you mean `O_CREAT`?");
  EXPECT_EQ(Parse("cmd == NOTHING_LIKE_THIS_AT_ALL", "ioctl"),
            "column 8 of `when`: unknown constant `NOTHING_LIKE_THIS_AT_ALL`");
  EXPECT_EQ(Parse("flagz == 1", "openat"),
            "column 1 of `when`: openat has no argument `flagz` (it has: dirfd, pathname, flags, mode); did "
            "you mean `flags`?");
  EXPECT_EQ(Parse("arg4 == 1", "openat").substr(0, 52),
            "column 1 of `when`: openat has no argument `arg4` (i");
  EXPECT_EQ(Parse("arg9 == 1", "getpid"), "column 1 of `when`: getpid has no argument `arg9` (it has: none)");
}

TEST(When, WrongTypes) {
  EXPECT_EQ(Parse("pathname == 0", "openat"),
            "column 1 of `when`: `pathname` is an address, and a filter cannot see what it points to");
  EXPECT_EQ(Parse("fd == 0x100000000", "close"),
            "column 7 of `when`: 0x100000000 is wider than `fd`, which has 32 bits");
  EXPECT_EQ(Parse("cmd == AT_FDCWD", "ioctl"),
            "column 8 of `when`: a negative value cannot be in `cmd`, which has 32 bits and no sign");
  EXPECT_EQ(Parse("cmd == -1", "ioctl"), "column 9 of `when`: `cmd` is never negative");
  EXPECT_EQ(Parse("cmd & 0x1ffffffff == 0", "ioctl"),
            "column 7 of `when`: 0x1ffffffff is wider than `cmd`, which has 32 bits and no sign");
}

TEST(When, ComparisonsThatCannotBeMeant) {
  EXPECT_EQ(Parse("prot & 4 == 5", "mprotect"),
            "column 13 of `when`: 0x5 has bits that the mask 0x4 clears: they are never equal");
  EXPECT_EQ(Parse("prot & 4 < 5", "mprotect"),
            "column 6 of `when`: masked bits compare with `==` or `!=` only");
  EXPECT_EQ(Parse("prot & 0 == 0", "mprotect"), "column 8 of `when`: a mask of 0 leaves no bit to compare");
  EXPECT_EQ(Parse("prot has PROT_NONE", "mprotect"), "column 10 of `when`: 0 has no bits to look for");
}

TEST(When, Syntax) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "column 1 of `when`: expected an argument of close, found the end"},
      {"fd", "column 3 of `when`: expected a comparison, `in`, `has` or `lacks`, found the end"},
      {"fd = 1", "column 4 of `when`: `=` is written `==`"},
      {"fd == ", "column 7 of `when`: expected a number or a constant, found the end"},
      {"fd == 1 fd == 2", "column 9 of `when`: expected `&&`, `||` or the end, found `fd`"},
      {"fd == 1 and fd == 2", "column 9 of `when`: expected `&&`, `||` or the end, found `and`"},
      {"(fd == 1", "column 9 of `when`: expected `)`, found the end"},
      {"fd == 1)", "column 8 of `when`: expected `&&`, `||` or the end, found `)`"},
      {"fd & 1", "column 7 of `when`: expected `==` or `!=`, found the end"},
      {"fd in 1", "column 7 of `when`: expected `[`, found `1`"},
      {"fd in []", "column 8 of `when`: expected a number or a constant, found `]`"},
      {"fd in [1", "column 9 of `when`: expected `,` or `]`, found the end"},
      {"fd in [1,]", "column 10 of `when`: expected a number or a constant, found `]`"},
      {"1 == fd", "column 1 of `when`: expected an argument of close, found `1`"},
      {"fd == 1 ||", "column 11 of `when`: expected an argument of close, found the end"},
      {"fd == 09", "column 7 of `when`: `09` is not a number of 64 bits"},
      {"fd == 0x", "column 7 of `when`: `0x` is not a number of 64 bits"},
      {"fd == 12ab", "column 7 of `when`: `12ab` is not a number of 64 bits"},
      {"fd == 18446744073709551616", "column 7 of `when`: `18446744073709551616` is not a number of 64 bits"},
      {"fd == -TCGETS", "column 8 of `when`: expected a number, found `TCGETS`"},
      {"fd == $", "column 7 of `when`: `$` means nothing here"},
      {"fd == \x1b", "column 7 of `when`: byte 0x1b means nothing here"},
      {"fd == ~1", "column 7 of `when`: `~` means nothing here"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(Parse(text, "close"), message) << text;
}

TEST(When, Limits) {
  std::string list = "cmd in [0";
  for (int i = 1; i < 64; ++i) list += "," + std::to_string(i);
  EXPECT_NE(Parse(list + "]", "ioctl").find("1==3f"), std::string::npos);
  EXPECT_EQ(Parse(list + ",64]", "ioctl"), "column 191 of `when`: this needs more than 64 alternatives");
  EXPECT_EQ(Parse(list + "] && fd in [1, 2]", "ioctl").substr(0, 10), "column 192");
  EXPECT_EQ(Parse(std::string(32, '(') + "fd == 1" + std::string(32, ')'), "close"), "0==1");
  EXPECT_EQ(Parse(std::string(33, '(') + "fd == 1", "close"), "column 33 of `when`: nested too deeply");
  EXPECT_EQ(Parse(std::string(100000, '!'), "close"), "column 33 of `when`: nested too deeply");
}

// A random expression as text, and what it says of the arguments of ioctl.
struct Expression {
  std::string text;
  std::function<bool(std::int32_t fd, std::uint32_t cmd)> holds;
};

Expression RandomTest(std::mt19937_64& rng) {
  const auto value = static_cast<std::int32_t>(rng() % 4);
  const std::string number = std::to_string(value);
  switch (rng() % 7) {
    case 0:
      return {"fd == " + number, [=](auto fd, auto) { return fd == value; }};
    case 1:
      return {"fd < " + number, [=](auto fd, auto) { return fd < value; }};
    case 2:
      return {"fd >= -" + number, [=](auto fd, auto) { return fd >= -value; }};
    case 3:
      return {"cmd & 3 != " + number,
              [=](auto, auto cmd) { return (cmd & 3) != static_cast<std::uint32_t>(value); }};
    case 4:
      return {"cmd lacks " + std::to_string(value + 1),
              [=](auto, auto cmd) { return (cmd & static_cast<std::uint32_t>(value + 1)) == 0; }};
    case 5:
      return {"cmd has " + std::to_string(value + 1), [=](auto, auto cmd) {
                return (cmd & static_cast<std::uint32_t>(value + 1)) == static_cast<std::uint32_t>(value + 1);
              }};
    default:
      return {"cmd in [1, " + number + "]",
              [=](auto, auto cmd) { return cmd == 1 || cmd == static_cast<std::uint32_t>(value); }};
  }
}

Expression RandomExpression(std::mt19937_64& rng, int depth) {
  if (depth == 0 || rng() % 4 == 0) return RandomTest(rng);
  const Expression left = RandomExpression(rng, depth - 1);
  if (rng() % 4 == 0)
    return {"!(" + left.text + ")", [=](auto fd, auto cmd) { return !left.holds(fd, cmd); }};
  const Expression right = RandomExpression(rng, depth - 1);
  if (rng() % 2 == 0) {
    return {"(" + left.text + ") && (" + right.text + ")",
            [=](auto fd, auto cmd) { return left.holds(fd, cmd) && right.holds(fd, cmd); }};
  }
  return {left.text + " || " + right.text,
          [=](auto fd, auto cmd) { return left.holds(fd, cmd) || right.holds(fd, cmd); }};
}

RC_GTEST_PROP(WhenProperty, MeansWhatItSays, (std::uint64_t seed)) {
  std::mt19937_64 rng(seed);
  const Expression expression = RandomExpression(rng, 3);
  const bpf::SyscallInfo& ioctl = Call("ioctl");
  const auto alternatives = ParseWhen(expression.text, ioctl, {});
  if (!alternatives.ok()) {  // the product may grow too large, and nothing else
    RC_ASSERT(alternatives.error().message.find("alternatives") != std::string::npos);
    return;
  }
  bpf::FilterSpec spec;
  spec.default_action = bpf::KillProcess();
  for (const auto& all : *alternatives) spec.rules.push_back({ioctl.number, all, bpf::Allow(), 0});
  for (std::int32_t fd = -4; fd < 5; ++fd) {
    for (std::uint32_t cmd = 0; cmd < 9; ++cmd) {
      seccomp_data data{};
      data.arch = bpf::AuditArch(spec.abi);
      data.nr = static_cast<int>(ioctl.number);
      data.args[0] = static_cast<std::uint32_t>(fd) | (rng() << 32);
      data.args[1] = cmd;
      const bool allowed = bpf::Interpret(spec, data) == bpf::Allow();
      if (allowed != expression.holds(fd, cmd)) RC_FAIL(expression.text);
    }
  }
}

RC_GTEST_PROP(WhenProperty, AnyTextIsParsedOrRefused, (std::uint64_t seed)) {
  static constexpr const char* kPieces[] = {"fd",  "cmd",    "==", "<", "&",    "&&", "||",  "!",
                                            "(",   ")",      "[",  "]", ",",    "in", "has", "1",
                                            "0x7", "TCGETS", "|",  "-", "\xff", "=",  " "};
  std::mt19937_64 rng(seed);
  std::string text;
  for (std::uint64_t i = rng() % 12; i > 0; --i)
    text += std::string(kPieces[rng() % std::size(kPieces)]) + " ";
  const auto result = ParseWhen(text, Call("ioctl"), {});
  if (result.ok()) RC_ASSERT(!result->empty());
  if (!result.ok()) RC_ASSERT(result.error().message.find("column ") == 0U);
}

}  // namespace
}  // namespace moat::policy
