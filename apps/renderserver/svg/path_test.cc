#include "svg/path.h"

#include <gtest/gtest.h>

namespace svg {
namespace {

using scene::Outline;

Outline Square(float size) {
  return {{Outline::kMove, Outline::kLine, Outline::kLine, Outline::kLine, Outline::kClose},
          {0, 0, size, 0, size, size, 0, size}, {0, 0, size, size}};
}

TEST(PathData, IsRelative) {
  EXPECT_EQ(PathData(Square(10), {}), "M0 0h10v10h-10z");
  EXPECT_EQ(PathData(Square(10), {1, 0, 0, 1, 5, -5}), "M5-5h10v10h-10z");
}

TEST(PathData, RepeatsNoLetter) {
  const Outline outline{{Outline::kMove, Outline::kLine, Outline::kLine, Outline::kQuad, Outline::kCubic, Outline::kCubic},
                        {0, 0, 1, 2, 3, 3, 4, 4, 5, 3, 6, 6, 7, 7, 8, 9, 9, 9, 9, 8, 8, 8}, {0, 0, 9, 9}};
  EXPECT_EQ(PathData(outline, {}), "M0 0l1 2 2 1q1 1 2 0c1 3 2 4 3 6 1 0 1-1 0-1");
}

TEST(PathData, ASubpathStartsWhereTheLastOneBegan) {
  const Outline outline{{Outline::kMove, Outline::kLine, Outline::kLine, Outline::kClose, Outline::kMove, Outline::kLine},
                        {10, 10, 20, 10, 20, 20, 12, 11, 13, 13}, {10, 10, 10, 10}};
  EXPECT_EQ(PathData(outline, {}), "M10 10h10v10zm2 1l1 2");
}

// A thousand steps of a third each: relative numbers, and yet the end is where it should be.
TEST(PathData, RoundingDoesNotAddUp) {
  Outline outline{{Outline::kMove}, {0, 0}, {0, 0, 334, 334}};
  for (int i = 1; i <= 1000; ++i) {
    outline.commands.push_back(Outline::kLine);
    outline.points.push_back(static_cast<float>(i) / 3);
    outline.points.push_back(static_cast<float>(i) / 3);
  }
  const std::string text = PathData(outline, {});
  EXPECT_EQ(text.substr(0, 30), "M0 0l.333 .333 .334 .334 .333 ");
  double sum = 0;
  std::size_t at = text.find('l') + 1;
  for (int i = 0; i < 2000; ++i) {
    std::size_t used = 0;
    const double number = std::stod(text.substr(at, 12), &used);
    sum += i % 2 == 0 ? number : 0;
    at += used;
  }
  EXPECT_NEAR(sum, 1000.0 / 3, .0006);
}

TEST(PathData, SmallOutlinesHaveMoreDecimals) {
  EXPECT_EQ(PathData(Square(.1234567f), {}), "M0 0h.123457v.123457h-.123457z");
  EXPECT_EQ(PathData(Square(123.4567f), {}), "M0 0h123.457v123.457h-123.457z");
}

TEST(PathData, ATransformIsAppliedToThePoints) {
  EXPECT_EQ(PathData(Square(1), {0, 16, -16, 0, 100, 0}), "M100 0v16h-16v-16z");
}

}  // namespace
}  // namespace svg
