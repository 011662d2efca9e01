#include <gtest/gtest.h>

#include <cmath>

#include "raster/raster.h"

namespace raster {
namespace {

using scene::BlendMode;
using scene::Node;

// A picture of 20 x 20 units with boxes in it.
class PaintTest : public ::testing::Test {
 protected:
  PaintTest() {
    scene_.nodes.resize(1);
    scene_.region = {0, 0, 20, 20};
  }
  const scene::Outline* Box(float x, float y, float w, float h) {
    using O = scene::Outline;
    scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose}, {x, y, x + w, y, x + w, y + h, x, y + h}, {x, y, w, h}});
    return &scene_.outlines.back();
  }
  static scene::Paint Solid(float r, float g, float b, float a = 1) {
    scene::Paint paint;
    paint.colour = {r, g, b, a};
    return paint;
  }
  const scene::PaintList* Paints(std::vector<scene::Paint> paints) {
    scene_.paints.push_back(std::move(paints));
    return &scene_.paints.back();
  }
  // Appends a node below `parent` and returns its number; nodes stand behind their parents.
  std::uint32_t Add(Node node, std::uint32_t parent = 0) {
    const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
    node.parent = parent;
    scene_.nodes.push_back(std::move(node));
    std::uint32_t* link = &scene_.nodes[parent].first_child;
    while (*link != Node::kNone) link = &scene_.nodes[*link].next_sibling;
    *link = index;
    return index;
  }
  Node Filled(float x, float y, float w, float h, scene::Paint paint) {
    Node node;
    node.width = w;
    node.height = h;
    node.fills.push_back({Box(x, y, w, h), scene::Winding::kNonZero, {}, Paints({std::move(paint)}), false});
    return node;
  }
  // Straight from the picture: 0xAARRGGBB, premultiplied.
  std::uint32_t At(std::uint32_t x, std::uint32_t y) {
    auto picture = Paint(scene_, {}, budget_, &remarks_);
    EXPECT_TRUE(picture.ok()) << picture.fault().ToString();
    return picture.ok() ? picture.value().pixels[y * picture.value().width + x] : 0xdeadbeef;
  }

  scene::Scene scene_;
  fig::Budget budget_;
  std::vector<std::string> remarks_;
};

constexpr std::uint32_t kRed = 0xffff0000, kBlue = 0xff0000ff, kNothing = 0;

TEST_F(PaintTest, AreasAreFilledWhereTheyAre) {
  Add(Filled(5, 5, 10, 10, Solid(1, 0, 0)));
  EXPECT_EQ(At(4, 10), kNothing);
  EXPECT_EQ(At(5, 5), kRed);
  EXPECT_EQ(At(14, 14), kRed);
  EXPECT_EQ(At(15, 14), kNothing);
}

TEST_F(PaintTest, LaterPaintsAndNodesLieAbove) {
  Node node = Filled(0, 0, 10, 10, Solid(1, 0, 0));
  node.fills[0].paints = Paints({Solid(1, 0, 0), Solid(0, 0, 1)});
  Add(node);
  EXPECT_EQ(At(5, 5), kBlue);
  Add(Filled(5, 5, 10, 10, Solid(1, 0, 0)));
  EXPECT_EQ(At(5, 5), kRed);
}

TEST_F(PaintTest, TheWindingDecidesAboutHoles) {
  using O = scene::Outline;
  scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose, O::kMove, O::kLine, O::kLine, O::kLine, O::kClose},
                             {0, 0, 20, 0, 20, 20, 0, 20, 5, 5, 15, 5, 15, 15, 5, 15}, {0, 0, 20, 20}});
  Node node;
  node.fills.push_back({&scene_.outlines.back(), scene::Winding::kOdd, {}, Paints({Solid(1, 0, 0)}), false});
  const std::uint32_t index = Add(node);
  EXPECT_EQ(At(10, 10), kNothing);
  scene_.nodes[index].fills[0].winding = scene::Winding::kNonZero;
  EXPECT_EQ(At(10, 10), kRed);
}

TEST_F(PaintTest, OpacityIsThatOfTheWholeAndNotOfItsParts) {
  Node group;
  group.opacity = 0.5F;
  const std::uint32_t index = Add(group);
  Add(Filled(0, 0, 10, 10, Solid(1, 0, 0)), index);
  Add(Filled(0, 0, 10, 10, Solid(1, 0, 0)), index);
  EXPECT_NEAR(At(5, 5) >> 24, 128, 1);
}

TEST_F(PaintTest, GlyphsThatOverlapAreNoDarker) {
  Node node;
  node.opacity = 0.5F;
  const auto* paints = Paints({Solid(1, 0, 0)});
  node.fills.push_back({Box(0, 0, 10, 10), scene::Winding::kNonZero, {}, paints, true});
  node.fills.push_back({Box(5, 0, 10, 10), scene::Winding::kNonZero, {}, paints, true});
  Add(node);
  EXPECT_EQ(At(7, 5), At(2, 5));
}

TEST_F(PaintTest, ChildrenAreClippedAndStrokesAreNot) {
  Node frame;
  frame.clips = true;
  frame.clip_shapes.push_back({Box(5, 5, 10, 10), scene::Winding::kNonZero, {}, nullptr, false});
  frame.strokes.push_back({Box(2, 2, 2, 2), scene::Winding::kNonZero, {}, Paints({Solid(0, 0, 1)}), false});
  const std::uint32_t index = Add(frame);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)), index);
  EXPECT_EQ(At(4, 10), kNothing);
  EXPECT_EQ(At(5, 10), kRed);
  EXPECT_EQ(At(3, 3), kBlue);
}

TEST_F(PaintTest, StrokesLieOnTheirSide) {
  Node node = Filled(5, 5, 10, 10, Solid(1, 1, 1));
  node.clip_shapes = node.fills;
  using O = scene::Outline;  // two units around the edge, both ways
  scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose, O::kMove, O::kLine, O::kLine, O::kLine, O::kClose},
                             {3, 3, 17, 3, 17, 17, 3, 17, 7, 7, 7, 13, 13, 13, 13, 7}, {3, 3, 14, 14}});
  node.strokes.push_back({&scene_.outlines.back(), scene::Winding::kNonZero, {}, Paints({Solid(1, 0, 0)}), false});
  const std::uint32_t index = Add(node);
  for (const auto& [align, outside, inside] : {std::tuple{scene::StrokeAlign::kCenter, kRed, kRed},
                                               {scene::StrokeAlign::kInside, kNothing, kRed}, {scene::StrokeAlign::kOutside, kRed, 0xffffffffU}}) {
    scene_.nodes[index].stroke_align = align;
    EXPECT_EQ(At(4, 10), outside);
    EXPECT_EQ(At(6, 10), inside);
  }
}

TEST_F(PaintTest, AMaskShowsItsLaterSiblingsOnly) {
  Add(Filled(0, 0, 4, 4, Solid(0, 0, 1)));
  Node mask = Filled(5, 5, 10, 10, Solid(0, 0, 0, 0.5F));
  mask.mask = scene::Mask::kAlpha;
  const std::uint32_t index = Add(mask);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)));
  EXPECT_EQ(At(2, 2), kBlue);
  EXPECT_EQ(At(18, 18), kNothing);
  EXPECT_NEAR(At(10, 10) >> 24, 128, 1);
  scene_.nodes[index].mask = scene::Mask::kOutline;
  scene_.nodes[index].clip_shapes = scene_.nodes[index].fills;
  EXPECT_EQ(At(10, 10), kRed);
  scene_.nodes[index].mask = scene::Mask::kLuminance;
  EXPECT_EQ(At(10, 10), kNothing) << "black has none";
}

TEST_F(PaintTest, EachBlendModeMixes) {
  scene_.background = {0.5F, 0.5F, 0.5F, 1};
  Node node = Filled(0, 0, 20, 20, Solid(0.75F, 0.25F, 0.5F));
  const std::uint32_t index = Add(node);
  const std::pair<BlendMode, std::uint32_t> wanted[] = {
      {BlendMode::kNormal, 0xffbf4080}, {BlendMode::kMultiply, 0xff602040}, {BlendMode::kScreen, 0xffdf9fbf}, {BlendMode::kDarken, 0xff804080},
      {BlendMode::kLighten, 0xffbf8080}, {BlendMode::kDifference, 0xff404000}, {BlendMode::kLinearDodge, 0xffffbfff}, {BlendMode::kLinearBurn, 0xff400001}};
  for (const auto& [mode, pixel] : wanted) {
    scene_.nodes[index].blend = mode;
    const std::uint32_t got = At(10, 10);
    for (const unsigned shift : {0U, 8U, 16U, 24U}) {
      EXPECT_NEAR(static_cast<int>(got >> shift & 0xff), static_cast<int>(pixel >> shift & 0xff), 2) << static_cast<int>(mode) << " " << std::hex << got;
    }
  }
}

TEST_F(PaintTest, GradientsGoFromTheirBeginToTheirEnd) {
  scene::Paint paint;
  paint.type = scene::PaintType::kGradientLinear;
  paint.stops = {{{1, 0, 0, 1}, 0}, {{0, 0, 1, 1}, 1}};
  paint.to_node = {20, 0, 0, 20, 0, 0};
  const std::uint32_t index = Add(Filled(0, 0, 20, 20, paint));
  EXPECT_GT(At(0, 10) >> 16 & 0xff, 240U);
  EXPECT_GT(At(19, 10) & 0xff, 240U);
  auto* list = const_cast<scene::PaintList*>(scene_.nodes[index].fills[0].paints);
  (*list)[0].type = scene::PaintType::kGradientRadial;
  EXPECT_GT(At(10, 10) >> 16 & 0xff, 235U);
  EXPECT_GT(At(19, 10) & 0xff, 235U);
  (*list)[0].type = scene::PaintType::kGradientDiamond;
  EXPECT_GT(At(10, 10) >> 16 & 0xff, 220U);
  EXPECT_EQ(At(0, 0), kBlue);
  (*list)[0].type = scene::PaintType::kGradientAngular;
  EXPECT_GT(At(19, 10) >> 16 & 0xff, 240U) << "begins at three o'clock";
  EXPECT_GT(At(19, 9) & 0xff, 240U) << "and goes clockwise";
}

TEST_F(PaintTest, AShadowFallsBesideAndNotUnderTheNode) {
  Node node = Filled(5, 5, 5, 5, Solid(1, 0, 0, 0.5F));
  node.effects.push_back({scene::Effect::Type::kDropShadow, {0, 0, 1, 1}, {5, 5}, 0, 0, BlendMode::kNormal, false});
  const std::uint32_t index = Add(node);
  EXPECT_NEAR(At(12, 12) & 0xff, 128, 1);  // as dense as what casts it
  EXPECT_EQ(At(7, 7) & 0xff, 0U);
  scene_.nodes[index].effects[0].offset = {2, 2};
  EXPECT_EQ(At(8, 8) & 0xff, 0U) << "hidden under the half transparent node";
  scene_.nodes[index].effects[0].show_behind_node = true;
  EXPECT_GT(At(8, 8) & 0xff, 0U);
}

TEST_F(PaintTest, AnInnerShadowLiesInTheShape) {
  Node node = Filled(5, 5, 10, 10, Solid(1, 1, 1));
  node.effects.push_back({scene::Effect::Type::kInnerShadow, {1, 0, 0, 1}, {3, 0}, 0, 0, BlendMode::kNormal, false});
  Add(node);
  EXPECT_EQ(At(6, 10), kRed);
  EXPECT_EQ(At(9, 10), 0xffffffff);
  EXPECT_EQ(At(4, 10), kNothing);
}

// Against the sum of a Gaussian, right across an edge.
TEST_F(PaintTest, BlursAreGaussian) {
  scene_.region = {0, 0, 200, 20};
  for (const double radius : {4.0, 12.0, 40.0}) {
    scene_.nodes.resize(1);
    scene_.nodes[0].first_child = Node::kNone;
    Node node = Filled(-2000, -2000, 2100, 4020, Solid(0, 0, 0));
    node.effects.push_back({scene::Effect::Type::kLayerBlur, {}, {}, radius, 0, BlendMode::kNormal, false});
    Add(node);
    for (const std::uint32_t x : {70U, 90U, 99U, 104U, 120U}) {
      const double wanted = 255 * 0.5 * std::erfc((x + 0.5 - 100) / (radius / 2 * std::sqrt(2.0)));
      EXPECT_NEAR(At(x, 10) >> 24, wanted, 6) << radius << " at " << x;
    }
  }
}

TEST_F(PaintTest, WhatIsFarAwayIsNoTrouble) {
  Add(Filled(-1e9F, -1e9F, 2e9F, 2e9F, Solid(1, 0, 0)));
  Node node = Filled(0, 0, 1, 1, Solid(0, 0, 1));
  node.transform = {1e9, 0, 0, 1e9, 1e9, 1e9};
  Add(node);
  EXPECT_EQ(At(10, 10), kRed);
}

TEST_F(PaintTest, ABrokenImageIsCheckersAndRemarked) {
  scene::Paint paint;
  paint.type = scene::PaintType::kImage;
  paint.image = fig::BytesOf("no image");
  paint.image_key = "ab";
  Add(Filled(0, 0, 20, 20, paint));
  EXPECT_EQ(At(10, 10) >> 24, 0xffU);
  ASSERT_EQ(remarks_.size(), 1U);
  EXPECT_NE(remarks_[0].find("image ab"), std::string::npos);
}

TEST_F(PaintTest, ImagesLieAsTheirModeSays) {
  Picture stripes{32, 16, {}};
  for (unsigned i = 0; i < 32 * 16; ++i) stripes.pixels.push_back(i % 32 < 16 ? kRed : kBlue);
  const auto png = EncodePng(stripes);
  ASSERT_TRUE(png.ok());
  scene::Paint paint;
  paint.type = scene::PaintType::kImage;
  paint.image = {png.value().data(), png.value().size()};
  paint.image_key = "stripes";
  const std::uint32_t index = Add(Filled(0, 0, 20, 20, paint));
  auto* list = const_cast<scene::PaintList*>(scene_.nodes[index].fills[0].paints);
  EXPECT_EQ(At(1, 1), kRed);     // cover: 40 x 20, cut at both sides
  EXPECT_EQ(At(18, 18), kBlue);
  (*list)[0].scale_mode = scene::ImageScaleMode::kFit;
  EXPECT_EQ(At(1, 10), kRed);
  EXPECT_EQ(At(10, 1), kNothing);
  (*list)[0].scale_mode = scene::ImageScaleMode::kTile;
  (*list)[0].tile_scale = 0.25;
  EXPECT_EQ(At(9, 10), kRed);    // every eight units again
  EXPECT_EQ(At(13, 10), kBlue);
  (*list)[0].scale_mode = scene::ImageScaleMode::kStretch;
  (*list)[0].to_node = {10, 0, 0, 20, 10, 0};
  EXPECT_EQ(At(10, 5), kRed) << "to its very edge";
  EXPECT_EQ(At(11, 5), kRed);
  EXPECT_EQ(At(5, 5), kNothing);
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

TEST_F(PaintTest, TheSameSceneIsTheSameBytes) {
  Node node = Filled(3, 3, 11, 9, Solid(0.3F, 0.6F, 0.9F, 0.7F));
  node.effects.push_back({scene::Effect::Type::kDropShadow, {0, 0, 0, 0.4F}, {2, 3}, 5, 1, BlendMode::kMultiply, false});
  Add(node);
  const auto first = EncodePng(Paint(scene_, {}, budget_, nullptr).value()), second = EncodePng(Paint(scene_, {}, budget_, nullptr).value());
  EXPECT_EQ(first.value(), second.value());
}

}  // namespace
}  // namespace raster
