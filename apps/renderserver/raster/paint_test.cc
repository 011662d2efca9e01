#include "raster/testing.h"

#include <cmath>

#include "raster/image.h"

namespace raster {
namespace {

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

TEST_F(PaintTest, TheSameSceneIsTheSameBytes) {
  Node node = Filled(3, 3, 11, 9, Solid(0.3F, 0.6F, 0.9F, 0.7F));
  node.effects.push_back({scene::Effect::Type::kDropShadow, {0, 0, 0, 0.4F}, {2, 3}, 5, 1, BlendMode::kMultiply, false});
  Add(node);
  const auto first = EncodePng(Paint(scene_, {}, budget_, nullptr).value()), second = EncodePng(Paint(scene_, {}, budget_, nullptr).value());
  EXPECT_EQ(first.value(), second.value());
}

// Thumbnails of 267 x 280: 381.4 x 400 pixels, rounded; the smaller scale counts, and what is begun of a
// pixel is one. Older files are simply scaled.
TEST_F(PaintTest, ThumbnailsHaveTheSizeThatFigmaGivesThem) {
  options_.longest_side = 400;
  struct Case {
    double width, height;
    scene::Scene::Fit fit;
    std::uint32_t wide, high;
  };
  constexpr auto kBoth = scene::Scene::Fit::kBothSides, kLongest = scene::Scene::Fit::kLongestSide;
  for (const Case& c : {Case{267, 280, kBoth, 381, 400}, {43920, 2896.864, kBoth, 395, 26}, {550, 373.895, kBoth, 400, 272}, {43920, 2896.864, kLongest, 400, 26}, {1e6, 1, kBoth, 400, 1}}) {
    scene_.region = {0, 0, c.width, c.height};
    scene_.fit = c.fit;
    const Picture picture = Painted();
    EXPECT_EQ(picture.width, c.wide) << c.width;
    EXPECT_EQ(picture.height, c.high) << c.width;
  }
}

TEST_F(PaintTest, OtherPicturesHaveEachPixelThatIsBegun) {
  scene_.region = {0.7, 0, 433.3, 626.0005};
  const Picture picture = Painted();
  EXPECT_EQ(picture.width, 434U);
  EXPECT_EQ(picture.height, 626U);
}

class ThumbnailTest : public PaintTest {
 protected:
  ThumbnailTest() {
    scene_.edges = scene::Scene::Edges::kFourSamples;
    options_.sampling = Sampling::kThumbnail;
    options_.longest_side = 20;
  }
  // How much is covered of the pixels at 4 and 9, of 255, by something from 4.4 to 9.4 across and from 2 to 8.
  std::pair<std::uint32_t, std::uint32_t> Covered(bool glyph) {
    Clear();
    Node node = Filled(4.4F, 2, 5, 6, Solid(1, 0, 0));
    node.fills[0].glyph = glyph;
    Add(node);
    const Picture picture = Painted();
    return {picture.pixels[5 * 20 + 4] >> 24, picture.pixels[5 * 20 + 9] >> 24};
  }
};
using Pair = std::pair<std::uint32_t, std::uint32_t>;

// The samples lie at a quarter and at three quarters.
TEST_F(ThumbnailTest, HasFourSamplesOfAPixelAsFigmas) { EXPECT_EQ(Covered(false), Pair(128, 128)); }

TEST_F(ThumbnailTest, HasSmoothLetters) { EXPECT_EQ(Covered(true), Pair(153, 103)); }

TEST_F(ThumbnailTest, IsSmoothWhereFigmasIs) {
  scene_.edges = scene::Scene::Edges::kSmooth;
  EXPECT_EQ(Covered(false), Pair(153, 103));
}

TEST_F(ThumbnailTest, IsSmoothWhenAllIsSmall) {
  Add(Filled(44, 20, 50, 60, Solid(1, 0, 0)));
  scene_.region = {0, 0, 200, 200};
  const Picture picture = Painted();
  EXPECT_EQ(picture.pixels[5 * 20 + 4] >> 24, 153U);
}

TEST_F(PaintTest, TheRegionAndTheScaleDecideWhatIsSeenWhere) {
  Add(Filled(100, 200, 1, 1, Solid(1, 0, 0)));
  scene_.region = {99, 198, 4, 4};
  options_.scale = 3;
  const Picture picture = Painted();
  EXPECT_EQ(picture.width, 12U);
  EXPECT_EQ(picture.pixels[6 * 12 + 3], kRed);
  EXPECT_EQ(picture.pixels[8 * 12 + 5], kRed);
  EXPECT_EQ(picture.pixels[9 * 12 + 5], kNothing);
  EXPECT_EQ(picture.pixels[6 * 12 + 2], kNothing);
}

TEST_F(PaintTest, ScalesThatAreNoneAreFaults) {
  for (const double scale : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    options_.scale = scale;
    EXPECT_EQ(Fails(), "geometry") << scale;
  }
}

// The lower paint would show at the edges, smoothed twice.
TEST_F(PaintTest, WhatALaterPaintHidesDoesNotShowAtTheEdges) {
  scene_.background = {1, 1, 1, 1};
  Node node = Filled(0, 0, 10.5F, 20, Solid(1, 0, 0));
  node.fills[0].paints = Paints({Solid(0, 0, 0), Solid(1, 0, 0)});
  Add(node);
  EXPECT_TRUE(Near(At(10, 10), 0xffff8080, 2));
}

TEST_F(PaintTest, QuadraticsBeginWhereAClosedOutlineBegan) {
  using O = scene::Outline;
  // After the close the pen is at 0, 0 again: the curve encloses the upper left corner.
  scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kClose, O::kQuad, O::kClose}, {0, 0, 20, 0, 20, 1, 0, 20, 20, 20}, {0, 0, 20, 20}});
  Node node;
  node.fills.push_back(Area(&scene_.outlines.back(), Solid(1, 0, 0)));
  Add(node);
  EXPECT_EQ(At(8, 12), kRed);
  EXPECT_EQ(At(1, 18), kNothing);
}

TEST_F(PaintTest, TransformsAreApplied) {
  Node parent;
  parent.transform = {0, 1, -1, 0, 20, 0};  // a quarter turn
  const std::uint32_t index = Add(parent);
  Node node = Filled(0, 0, 4, 2, Solid(1, 0, 0));
  node.transform = {1, 0, 0, 1, 2, 3};
  Add(node, index);
  EXPECT_EQ(At(16, 2), kRed);
  EXPECT_EQ(At(15, 5), kRed);
  EXPECT_EQ(At(17, 3), kNothing);
  EXPECT_EQ(At(16, 6), kNothing);
}

TEST_F(PaintTest, PicturesGoThroughPng) {
  Picture picture{3, 2, {kRed, kNothing, 0x80402010, kBlue, kWhite, 0x01010101}};
  const auto png = EncodePng(picture);
  ASSERT_TRUE(png.ok());
  const auto image = DecodeImage({png.value().data(), png.value().size()}, "it", 0, budget_);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image.value().width, 3U);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_TRUE(Near(image.value().pixels[i], picture.pixels[i], 1)) << i;
}

}  // namespace
}  // namespace raster
