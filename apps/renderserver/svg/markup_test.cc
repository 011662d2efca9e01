#include "svg/markup.h"

#include <gtest/gtest.h>

namespace svg {
namespace {

TEST(Escaped, LeavesNoMarkup) {
  EXPECT_EQ(Escaped("a<b>&\"c\"'", 99), "a&lt;b&gt;&amp;&quot;c&quot;&#39;");
  EXPECT_EQ(Escaped("\"/><script>alert(1)</script>", 99), "&quot;/&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
  EXPECT_EQ(Escaped("]]>", 99), "]]&gt;");
}

TEST(Escaped, DropsControlCharacters) {
  EXPECT_EQ(Escaped(std::string_view("a\0b\tc\nd\x1b[31m\x7f", 13), 99), "abcd[31m");
  EXPECT_EQ(Escaped("a\xC2\x85" "b", 99), "ab");                           // C1
  EXPECT_EQ(Escaped("a\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xB7\x90" "b", 99), "ab");  // no characters
  EXPECT_EQ(Escaped("a\xE2\x80\xAE" "b", 99), "ab");                       // right-to-left override
  EXPECT_EQ(Escaped("a\xE2\x80\xA8" "b", 99), "ab");                       // line separator
}

TEST(Escaped, ReplacesBrokenUtf8) {
  const std::string broken = "\xEF\xBF\xBD";
  EXPECT_EQ(Escaped("a\xFF" "b", 99), "a" + broken + "b");
  EXPECT_EQ(Escaped("\xC0\xBC", 99), broken + broken);             // "<" in two bytes
  EXPECT_EQ(Escaped("\xE0\x80\xBC", 99), broken + broken + broken);  // and in three
  EXPECT_EQ(Escaped("\xED\xA0\x80", 99), broken + broken + broken);  // a surrogate
  EXPECT_EQ(Escaped("\xF4\x90\x80\x80", 99), broken + broken + broken + broken);
  EXPECT_EQ(Escaped("x\xE2\x82", 99), "x" + broken + broken);        // ends within
  EXPECT_EQ(Escaped("Gr\xC3\xB6\xC3\x9F" "e \xF0\x9F\x8E\xA8", 99), "Gr\xC3\xB6\xC3\x9F" "e \xF0\x9F\x8E\xA8");
}

TEST(Escaped, CountsCharacters) { EXPECT_EQ(Escaped("\xC3\xB6\xC3\xB6\xC3\xB6<", 2), "\xC3\xB6\xC3\xB6"); }

TEST(Base64, PadsWhatIsMissing) {
  const auto of = [](std::string_view text) { return Base64(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()); };
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("f"), "Zg==");
  EXPECT_EQ(of("fo"), "Zm8=");
  EXPECT_EQ(of("foo"), "Zm9v");
  EXPECT_EQ(of("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(Markup, WritesTheSameDefinitionOnce) {
  Markup markup(1000);
  EXPECT_EQ(markup.Define("c", "<clipPath", ">1</clipPath>"), "c1");
  EXPECT_EQ(markup.Define("c", "<clipPath", ">2</clipPath>"), "c2");
  EXPECT_EQ(markup.Define("c", "<clipPath", ">1</clipPath>"), "c1");
  EXPECT_EQ(markup.definitions(), "<clipPath id=\"c1\">1</clipPath><clipPath id=\"c2\">2</clipPath>");
  EXPECT_EQ(markup.body(), "");
}

TEST(Markup, DefinitionsNest) {
  Markup markup(1000);
  markup.Add("<a>");
  markup.BeginDefinition();
  markup.Add("<b>");
  markup.BeginDefinition();
  markup.Add("<c/>");
  markup.EndDefinition();
  markup.Add("</b>");
  markup.EndDefinition();
  markup.Add("</a>");
  EXPECT_EQ(markup.definitions(), "<c/><b></b>");
  EXPECT_EQ(markup.body(), "<a></a>");
}

TEST(Markup, StopsAtItsBudget) {
  Markup markup(5);
  markup.Add("12345");
  EXPECT_FALSE(markup.over());
  markup.Add("6");
  EXPECT_TRUE(markup.over());
  EXPECT_EQ(markup.body(), "12345");
  Markup asked(5);
  EXPECT_FALSE(asked.Has(6));
  EXPECT_TRUE(asked.over());
}

}  // namespace
}  // namespace svg
