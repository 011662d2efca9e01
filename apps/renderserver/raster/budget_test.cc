// What a scene may not make the painter do.
#include "raster/testing.h"

#include <cmath>
#include <limits>

#include "raster/far.h"

namespace raster {
namespace {

TEST_F(PaintTest, WhatIsFarAwayIsNoTrouble) {
  Add(Filled(-1e9F, -1e9F, 2e9F, 2e9F, Solid(1, 0, 0)));
  Node node = Filled(0, 0, 1, 1, Solid(0, 0, 1));
  node.transform = {1e9, 0, 0, 1e9, 1e9, 1e9};
  Add(node);
  EXPECT_EQ(At(10, 10), kRed);
}

// Their slopes are right, which numbers that are only brought near would not be.
TEST_F(PaintTest, LinesToFarAwayGoWhereTheyShould) {
  using O = scene::Outline;
  scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kClose}, {0, 0, 2e9F, 1e9F, 0, 1e9F}, {0, 0, 2e9, 1e9}});
  Node node;
  node.fills.push_back(Area(&scene_.outlines.back(), Solid(1, 0, 0)));
  Add(node);
  EXPECT_EQ(At(18, 10), kRed);
  EXPECT_EQ(At(18, 7), kNothing);
  EXPECT_EQ(At(4, 3), kRed);
}

TEST_F(PaintTest, CurvesAreCutWhereNobodySees) {
  for (const float radius : {1e4F, 1e6F, 1e9F}) {
    Clear();
    Node node;
    node.fills.push_back(Area(Circle(10 - radius, 10, radius), Solid(1, 0, 0)));
    Add(node);
    EXPECT_EQ(Fails(), "");
    if (radius > 1e8F) continue;  // a float's own steps are larger than the picture there
    EXPECT_EQ(At(8, 10), kRed) << radius;
    EXPECT_EQ(At(12, 10), kNothing) << radius;
  }
}

TEST(Far, HolesStayHoles) {
  using O = scene::Outline;
  const float far = 1e9F;
  const scene::Outline ring{{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose, O::kMove, O::kLine, O::kLine, O::kLine, O::kClose},
                            {-far, -far, far, -far, far, far, -far, far, -5, -5, -5, 5, 5, 5, 5, -5}, {-far, -far, 2 * far, 2 * far}};
  const fig::Budget budget;
  Work work(budget);
  const auto polygons = NearPolygons(ring, {}, work);
  ASSERT_EQ(polygons.size(), 2U);
  EXPECT_EQ(polygons[0].size(), 4U);
  for (const scene::Point& point : polygons[0]) EXPECT_EQ(std::fabs(point.x), kWindow);
  EXPECT_EQ(polygons[1].size(), 4U);
}

TEST_F(PaintTest, NumbersThatAreNoneAreNoTrouble) {
  const double none = std::nan(""), all = std::numeric_limits<double>::infinity();
  for (const double number : {none, all, -all, 1e300}) {
    Clear();
    Node node = Filled(0, 0, 20, 20, Solid(1, 0, 0));
    node.transform.xx = number;
    node.effects.push_back({scene::Effect::Type::kDropShadow, {0, 0, 0, 1}, {1, 1}, 3, 0, BlendMode::kNormal, false});
    Add(node);
    node.transform = {1, 0, 0, 1, number, 0};
    Add(node);
    EXPECT_EQ(Fails(), "");
  }
}

TEST_F(PaintTest, BudgetsAreAskedFirst) {
  scene_.region = {0, 0, 1e6, 1e6};
  EXPECT_EQ(Paint(scene_, {}, budget_, nullptr).fault().kind, fig::FaultClass::kBudget);
  scene_.region = {0, 0, 1000, 1000};
  budget_.live_layer_pixels = 1'500'000;
  Node group;
  group.opacity = 0.5F;
  const std::uint32_t index = Add(group);
  Add(Filled(0, 0, 1000, 1000, Solid(1, 0, 0)), index);
  EXPECT_EQ(Paint(scene_, {}, budget_, nullptr).fault().kind, fig::FaultClass::kBudget);
}

// The same outline a hundred thousand times: none is large, all of them are.
TEST_F(PaintTest, WorkIsBounded) {
  using O = scene::Outline;
  scene::Outline zigzag;
  for (int i = 0; i < 2000; ++i) {
    zigzag.commands.push_back(i == 0 ? O::kMove : O::kLine);
    zigzag.points.push_back(static_cast<float>(i) / 100);
    zigzag.points.push_back(i % 2 == 0 ? 0 : 20);
  }
  zigzag.bounds = {0, 0, 20, 20};
  scene_.outlines.push_back(zigzag);
  Node node;
  node.fills.push_back(Area(&scene_.outlines.back(), Solid(1, 0, 0)));
  for (int i = 0; i < 100; ++i) Add(node);
  EXPECT_EQ(Fails(), "");
  budget_.paint_work = 10'000'000;
  EXPECT_EQ(Fails(), "budget");
}

TEST_F(PaintTest, APathOfTooManyLinesIsRefused) {
  budget_.path_edges = 100;
  Node node;
  node.fills.push_back(Area(Circle(10, 10, 8), Solid(1, 0, 0)));
  Add(node);
  EXPECT_EQ(Fails(), "");
  node.fills[0].outline = Circle(10, 10, 1e4F);
  Add(node);
  EXPECT_EQ(Fails(), "budget");
}

// Layers are as large as what is on them, and what is seen of it.
TEST_F(PaintTest, LayersAreNoLargerThanTheyMustBe) {
  scene_.region = {0, 0, 1000, 1000};
  budget_.live_layer_pixels = 1'010'000;
  Node group;
  group.opacity = 0.5F;
  std::uint32_t parent = 0;
  for (int i = 0; i < 20; ++i) parent = Add(group, parent);
  Add(Filled(10, 10, 20, 20, Solid(1, 0, 0)), parent);
  Add(Filled(-1e6F, 5, 1e6F, 1e6F, Solid(1, 0, 0)), parent);  // ends where the picture begins
  EXPECT_EQ(Fails(), "budget") << "a box around both is a thousand high";
  scene_.nodes.back().fills.clear();
  EXPECT_EQ(Fails(), "");
}

TEST_F(PaintTest, DeepTreesNeedNoStack) {
  std::uint32_t parent = 0;
  scene_.nodes.reserve(300'010);
  for (int i = 0; i < 300'000; ++i) {
    const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
    scene_.nodes.emplace_back();
    scene_.nodes[parent].first_child = index;
    parent = index;
  }
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)), parent);
  EXPECT_EQ(At(5, 5), kRed);
}

// Each a mask for the next ones: it must not take the square of their number.
TEST_F(PaintTest, ManyMasksInARowEnd) {
  Node mask = Filled(100, 100, 1, 1, Solid(0, 0, 0));
  mask.mask = scene::Mask::kAlpha;
  scene_.nodes.reserve(100'010);
  std::uint32_t last = Add(mask);
  for (int i = 0; i < 100'000; ++i) {
    scene_.nodes.push_back(mask);
    scene_.nodes[last].next_sibling = static_cast<std::uint32_t>(scene_.nodes.size() - 1);
    last = scene_.nodes[last].next_sibling;
  }
  EXPECT_EQ(At(5, 5), kNothing);
}

}  // namespace
}  // namespace raster
