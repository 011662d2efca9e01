#include "run/fields.h"

#include <gtest/gtest.h>

namespace moat::run {
namespace {

TEST(Fields, OneLineOfMany) {
  const std::string_view text = "oom 1\noom_kill 23\noom_kill_disable 4\nlast 5";
  EXPECT_EQ(Field(text, "oom_kill"), 23U);
  EXPECT_EQ(Field(text, "oom"), 1U);
  EXPECT_EQ(Field(text, "last"), 5U);
  EXPECT_EQ(Field(text, "kill"), std::nullopt);
  EXPECT_EQ(Field("", "x"), std::nullopt);
  EXPECT_EQ(Field("rchar: 7\n", "rchar:"), 7U);
  EXPECT_EQ(Field("max max\n", "max"), std::nullopt) << "no limit is no number";
}

TEST(Fields, NumbersThatDoNotFitAreNone) {
  EXPECT_EQ(ToNumber("18446744073709551615"), ~0ULL);
  EXPECT_EQ(ToNumber("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ToNumber("12 kB"), 12U);
  EXPECT_EQ(ToNumber("-1"), std::nullopt);
}

}  // namespace
}  // namespace moat::run
