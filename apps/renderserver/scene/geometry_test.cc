#include <gtest/gtest.h>

#include "scene/scene.h"

namespace scene {
namespace {

const Matrix kTurned{0, 1, -1, 0, 10, 20};  // a quarter turn, then moved

TEST(Geometry, TheInnerMatrixComesFirst) {
  const Matrix doubled{2, 0, 0, 2, 0, 0};
  const Point point = Apply(kTurned * doubled, {1, 0});
  EXPECT_DOUBLE_EQ(point.x, 10);
  EXPECT_DOUBLE_EQ(point.y, 22);
}

TEST(Geometry, AnInverseUndoes) {
  Matrix inverse;
  ASSERT_TRUE(Invert(kTurned, &inverse));
  const Point point = Apply(inverse, Apply(kTurned, {3, 4}));
  EXPECT_DOUBLE_EQ(point.x, 3);
  EXPECT_DOUBLE_EQ(point.y, 4);
}

TEST(Geometry, AFlatMatrixHasNoInverse) {
  Matrix inverse;
  EXPECT_FALSE(Invert({1, 1, 1, 1, 0, 0}, &inverse));
  EXPECT_FALSE(Invert({0, 0, 0, 0, 0, 0}, &inverse));
}

TEST(Geometry, BoundsHoldTheTurnedRectangle) {
  const Rect bounds = Bounds(kTurned, {0, 0, 4, 2});
  EXPECT_DOUBLE_EQ(bounds.x, 8);
  EXPECT_DOUBLE_EQ(bounds.y, 20);
  EXPECT_DOUBLE_EQ(bounds.width, 2);
  EXPECT_DOUBLE_EQ(bounds.height, 4);
}

TEST(Geometry, EmptyRectanglesCountForNothing) {
  const Rect some{1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(Union({}, some).x, 1);
  EXPECT_DOUBLE_EQ(Union(some, {}).height, 4);
  EXPECT_TRUE(Intersection(some, {50, 50, 1, 1}).empty());
}

}  // namespace
}  // namespace scene
