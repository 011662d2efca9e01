#include "run/output_name.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <vector>

namespace moat::run {
namespace {

TEST(OutputName, HarmlessOnesStay) {
  for (const std::string name : {"out.png", "a b", "caf\xc3\xa9", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80",
                                 ".hidden", "a-b", "50%", "%0A", "...", "~", "$(id)", "a'b\"c"}) {
    EXPECT_TRUE(IsHarmlessName(name)) << name;
  }
}

TEST(OutputName, OthersAreEncoded) {
  const std::pair<std::string, std::string> cases[] = {
      {"a\nb", "a%0Ab"}, {"\x1b[31m", "%1B[31m"}, {"-rf", "%2Drf"},         {"\xff", "%FF"},
      {".", "%2E"},      {"..", "%2E%2E"},        {"50%\n", "50%25%0A"},    {"\xe2\x80\xae" "x", "%E2%80%AEx"},
      {"\x7f", "%7F"},   {"\xc3\xa9\t", "\xc3\xa9%09"}, {"-\xc3\xa9", "%2D\xc3\xa9"}};
  for (const auto& [name, expected] : cases) {
    EXPECT_FALSE(IsHarmlessName(name)) << testing::PrintToString(name);
    EXPECT_EQ(HarmlessName(name), expected);
  }
}

std::string Decoded(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      out += name[i];
      continue;
    }
    out += static_cast<char>(std::stoi(name.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

TEST(OutputName, EncodingIsHarmlessAndLosesNothing) {
  const bool holds = rc::check("any name", [](const std::vector<std::uint8_t>& bytes) {
    std::string name(bytes.begin(), bytes.end());
    std::erase(name, '\0');
    std::erase(name, '/');
    RC_PRE(!name.empty());
    RC_ASSERT(IsHarmlessName(HarmlessName(name)));
    RC_ASSERT(Decoded(HarmlessName(name)) == name);
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace moat::run
