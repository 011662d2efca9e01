#include "base/safe_text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/utf8.h"

namespace moat::base {
namespace {

TEST(Utf8, AcceptsWhatTheStandardDoes) {
  EXPECT_TRUE(IsUtf8("plain, caf\xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80"));
  EXPECT_TRUE(IsUtf8(std::string_view("\0", 1)));
  EXPECT_TRUE(IsUtf8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"));
}

TEST(Utf8, RefusesEverythingElse) {
  for (const std::string bad : {"\x80", "\xff", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe2\x82",
                                "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(IsUtf8(bad)) << testing::PrintToString(bad);
  }
}

// Every code point there is, encoded by hand, is read back.
TEST(Utf8, EveryCodePoint) {
  for (std::uint32_t code = 0; code <= 0x10ffff; ++code) {
    std::string text;
    const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xc0 | code >> 6), add(0x80 | (code & 63));
    } else if (code < 0x10000) {
      add(0xe0 | code >> 12), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
    } else {
      add(0xf0 | code >> 18), add(0x80 | (code >> 12 & 63)), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
    }
    const Character read = DecodeUtf8(text);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    ASSERT_EQ(read.length, surrogate ? 0 : text.size()) << code;
    if (!surrogate) {
      ASSERT_EQ(read.code, code);
    }
  }
}

TEST(Printable, LeavesOrdinaryTextAlone) {
  for (const std::string text : {"", "plain", "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80", "a # b"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
  EXPECT_EQ(Printable("\x7f"), "\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b" "31m"), "\\u{9b}31m");              // CSI as one C1 character
  EXPECT_EQ(Printable("\x9b" "31m"), "\\x9b31m");                    // and as a bare byte
  EXPECT_EQ(Printable("\xe2\x80\xaegpj.exe"), "\\u{202e}gpj.exe");  // right-to-left override
  EXPECT_EQ(Printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(Printable("a\\x0a"), "a\\\\x0a");
  EXPECT_EQ(Printable("##vso[task.complete]"), "#\\x23vso[task.complete]");
}

TEST(Printable, NoTwoTextsLookTheSame) {
  std::set<std::string> seen;
  const std::string letters("\\x0\n\xff#{", 7);
  std::string text(3, '\0');
  for (const char a : letters) {
    for (const char b : letters) {
      for (const char c : letters) {
        text[0] = a, text[1] = b, text[2] = c;
        ASSERT_TRUE(seen.insert(Printable(text)).second) << testing::PrintToString(text);
      }
    }
  }
}

TEST(Quoted, KeepsItsQuotesApart) {
  EXPECT_EQ(Quoted("a\"b\n"), "\"a\\\"b\\x0a\"");
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a\\"), "\"a\\\\\"");
}

}  // namespace
}  // namespace moat::base
