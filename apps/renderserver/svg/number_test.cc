#include "svg/number.h"

#include <gtest/gtest.h>

#include <clocale>
#include <limits>

namespace svg {
namespace {

TEST(Number, IsAsShortAsItCanBe) {
  EXPECT_EQ(Number(0), "0");
  EXPECT_EQ(Number(-0.0), "0");
  EXPECT_EQ(Number(1), "1");
  EXPECT_EQ(Number(10), "10");
  EXPECT_EQ(Number(-10.5), "-10.5");
  EXPECT_EQ(Number(.25), ".25");
  EXPECT_EQ(Number(-.05), "-.05");
  EXPECT_EQ(Number(100.000001), "100.000001");
}

TEST(Number, HasSixDecimalsAtMost) {
  EXPECT_EQ(Number(1.0 / 3), ".333333");
  EXPECT_EQ(Number(2.0 / 3), ".666667");
  EXPECT_EQ(Number(.0000004), "0");
  EXPECT_EQ(Number(-.0000004), "0");  // not "-0"
  EXPECT_EQ(Number(.9999999), "1");
  EXPECT_EQ(Number(1.26, 1), "1.3");
  EXPECT_EQ(Number(1234.5, 0), "1235");
}

TEST(Number, HasNoExponentWhateverTheValue) {
  EXPECT_EQ(Number(1e-7), "0");
  EXPECT_EQ(Number(123456789), "123456789");
  EXPECT_EQ(Number(1e300), "10000000000");
  EXPECT_EQ(Number(-std::numeric_limits<double>::infinity()), "-10000000000");
  EXPECT_EQ(Number(std::numeric_limits<double>::quiet_NaN()), "0");
}

TEST(Number, DoesNotAskTheLocale) {
  const char* found = nullptr;
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8"}) found = found != nullptr ? found : std::setlocale(LC_ALL, name);
  EXPECT_EQ(Number(1234.5), "1234.5") << (found != nullptr ? found : "no such locale here");
  std::setlocale(LC_ALL, "C");
}

TEST(Transform, IsTheShortestOfItsForms) {
  EXPECT_EQ(TransformValue({}), "");
  EXPECT_EQ(TransformValue({1, 0, 0, 1, 3, 0}), "translate(3)");
  EXPECT_EQ(TransformValue({1, 0, 0, 1, -3, .5}), "translate(-3 .5)");
  EXPECT_EQ(TransformValue({2, 0, 0, 2, 0, 0}), "scale(2)");
  EXPECT_EQ(TransformValue({16, 0, 0, -16, 1, 2}), "translate(1 2) scale(16 -16)");
  EXPECT_EQ(TransformValue({0, 1, -1, 0, 10, 20}), "matrix(0 1 -1 0 10 20)");
}

}  // namespace
}  // namespace svg
