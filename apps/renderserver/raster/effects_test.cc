// Shadows, blurs, gradients.
#include "raster/testing.h"

#include <cmath>

namespace raster {
namespace {

using scene::Effect;

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

TEST_F(PaintTest, AShadowOfAnOpaqueNodeLiesUnderIt) {
  Node node = Filled(5.5F, 5, 5, 5, Solid(1, 1, 1));
  node.effects.push_back({Effect::Type::kDropShadow, {0, 0, 0, 1}, {-2, 0}, 0, 0, BlendMode::kNormal, false});
  scene_.background = {1, 1, 1, 1};
  Add(node);
  EXPECT_EQ(At(4, 7), 0xff000000);
  EXPECT_TRUE(Near(At(5, 7), 0xff808080, 2)) << "no bright seam between the two";
}

TEST_F(PaintTest, SpreadMakesAShadowWider) {
  Node node = Filled(8, 8, 4, 4, Solid(1, 1, 1));
  node.effects.push_back({Effect::Type::kDropShadow, {0, 0, 0, 1}, {0, 0}, 0, 3, BlendMode::kNormal, false});
  const std::uint32_t index = Add(node);
  EXPECT_EQ(At(5, 5), 0xff000000);
  EXPECT_EQ(At(4, 10), kNothing);
  EXPECT_EQ(At(14, 14), 0xff000000);
  scene_.nodes[index].effects[0] = {Effect::Type::kDropShadow, {0, 0, 0, 1}, {8, 0}, 0, -1, BlendMode::kNormal, false};
  EXPECT_EQ(At(16, 10), kNothing) << "narrower";
  EXPECT_EQ(At(17, 10), 0xff000000);
}

TEST_F(PaintTest, ANodeWithoutPaintsCastsItsChildrensShadow) {
  Node group;
  group.effects.push_back({Effect::Type::kDropShadow, {0, 0, 1, 1}, {10, 0}, 0, 0, BlendMode::kNormal, false});
  const std::uint32_t index = Add(group);
  Add(Filled(1, 1, 4, 4, Solid(1, 0, 0)), index);
  Add(Filled(1, 9, 4, 4, Solid(1, 0, 0)), index);
  EXPECT_EQ(At(12, 2), kBlue);
  EXPECT_EQ(At(12, 10), kBlue);
  EXPECT_EQ(At(12, 7), kNothing);
  EXPECT_EQ(At(2, 2), kRed);
}

// At two and a half deviations there is still something to be seen.
TEST_F(PaintTest, AShadowInAGroupIsNotCut) {
  Node group, node = Filled(-50, -100, 54, 220, Solid(1, 1, 1));
  node.effects.push_back({Effect::Type::kDropShadow, {0, 0, 0, 1}, {0, 0}, 10, 0, BlendMode::kNormal, false});
  group.opacity = .9F;
  Add(node, Add(group));
  EXPECT_GT(At(16, 10) >> 24, 0U);
}

TEST_F(PaintTest, StrokesCastShadowsToo) {
  Node node;
  node.strokes.push_back(Area(Box(1, 1, 4, 4), Solid(1, 0, 0)));
  node.effects.push_back({Effect::Type::kDropShadow, {0, 0, 1, 1}, {10, 0}, 0, 0, BlendMode::kNormal, false});
  Add(node);
  EXPECT_EQ(At(12, 2), kBlue);
}

TEST_F(PaintTest, ShadowsMixByTheirMode) {
  scene_.background = {1, 1, 0, 1};
  Node node = Filled(1, 1, 4, 4, Solid(1, 0, 0));
  node.effects.push_back({Effect::Type::kDropShadow, {0, 1, 1, 1}, {10, 0}, 0, 0, BlendMode::kMultiply, false});
  const std::uint32_t index = Add(node);
  EXPECT_EQ(At(12, 2), kGreen);
  scene_.nodes[index].effects[0].blend = BlendMode::kLinearBurn;
  EXPECT_EQ(At(12, 2), kGreen);
}

TEST_F(PaintTest, AnInnerShadowLiesInTheShape) {
  Node node = Filled(5, 5, 10, 10, Solid(1, 1, 1));
  node.effects.push_back({scene::Effect::Type::kInnerShadow, {1, 0, 0, 1}, {3, 0}, 0, 0, BlendMode::kNormal, false});
  Add(node);
  EXPECT_EQ(At(6, 10), kRed);
  EXPECT_EQ(At(9, 10), 0xffffffff);
  EXPECT_EQ(At(4, 10), kNothing);
}

TEST_F(PaintTest, AnInnerShadowOfAGroupLiesOnItsChildren) {
  Node group;
  group.effects.push_back({Effect::Type::kInnerShadow, {1, 0, 0, 1}, {3, 0}, 0, 0, BlendMode::kNormal, false});
  const std::uint32_t index = Add(group);
  Add(Filled(5, 5, 10, 10, Solid(1, 1, 1)), index);
  EXPECT_EQ(At(6, 10), kRed);
  EXPECT_EQ(At(9, 10), kWhite);
  EXPECT_EQ(At(4, 10), kNothing);
}

TEST_F(PaintTest, SpreadMakesAnInnerShadowWider) {
  Node node = Filled(2, 2, 16, 16, Solid(1, 1, 1));
  node.effects.push_back({Effect::Type::kInnerShadow, {1, 0, 0, 1}, {0, 0}, 0, 3, BlendMode::kNormal, false});
  Add(node);
  EXPECT_EQ(At(3, 10), kRed);
  EXPECT_EQ(At(10, 16), kRed);
  EXPECT_EQ(At(10, 10), kWhite);
}

TEST_F(PaintTest, ABackgroundBlurIsOfWhatLiesBelowAndWithinTheShape) {
  Add(Filled(0, 0, 10, 20, Solid(1, 1, 1)));
  Add(Filled(10, 0, 10, 20, Solid(0, 0, 0)));
  Node glass = Filled(0, 0, 20, 10, Solid(0, 0, 0, 0));
  glass.clip_shapes = glass.fills;
  glass.effects.push_back({Effect::Type::kBackgroundBlur, {}, {}, 8, 0, BlendMode::kNormal, false});
  Add(glass);
  EXPECT_NEAR(At(10, 2) & 0xff, 114, 10);
  EXPECT_EQ(At(9, 15), kWhite);
  EXPECT_EQ(At(10, 15), 0xff000000);
  EXPECT_EQ(At(0, 0) >> 24, 255U) << "the picture goes on where it ends";
  EXPECT_GT(At(0, 0) & 0xff, 250U);
}

// The sum of a Gaussian's weights for all pixels left of an edge at 200.
double StepAt(std::uint32_t x, double deviation) {
  double sum = 0, left = 0;
  for (int i = -400; i <= 400; ++i) {
    const double weight = std::exp(-i * i / (2 * deviation * deviation));
    sum += weight;
    if (static_cast<int>(x) + i < 200) left += weight;
  }
  return 255 * left / sum;
}

TEST_F(PaintTest, BlursAreGaussian) {
  scene_.region = {0, 0, 400, 20};
  for (const double radius : {1.0, 2.0, 3.0, 4.0, 7.0, 12.0, 40.0, 90.0}) {
    Clear();
    Node node = Filled(-2000, -2000, 2200, 4020, Solid(0, 0, 0));
    node.effects.push_back({Effect::Type::kLayerBlur, {}, {}, radius, 0, BlendMode::kNormal, false});
    Add(node);
    const Picture picture = Painted();
    for (std::uint32_t x = 0; x < 400; ++x) {
      EXPECT_NEAR(picture.pixels[10 * 400 + x] >> 24, StepAt(x, radius / 2), 2.5) << radius << " at " << x;
    }
  }
}

TEST_F(PaintTest, BlursOfAnyRadiusEnd) {
  Node node = Filled(5, 5, 10, 10, Solid(1, 0, 0));
  const std::uint32_t index = Add(node);
  for (const auto type : {Effect::Type::kDropShadow, Effect::Type::kInnerShadow, Effect::Type::kLayerBlur, Effect::Type::kBackgroundBlur}) {
    for (const double radius : {1e3, 1e9}) {
      scene_.nodes[index].clip_shapes = scene_.nodes[index].fills;
      scene_.nodes[index].effects = {{type, {0, 0, 0, 1}, {1e9, -1e9}, radius, 1e9, BlendMode::kNormal, false}};
      EXPECT_EQ(Fails(), "") << static_cast<int>(type);
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

// A matrix of cairo's is too coarse for this: the end would be pixels off.
TEST_F(PaintTest, LongGradientsEndWhereTheyShould) {
  scene_.region = {0, 0, 6000, 2};
  for (const auto type : {scene::PaintType::kGradientLinear, scene::PaintType::kGradientRadial}) {
    Clear();
    scene::Paint paint;
    paint.type = type;
    paint.stops = {{{1, 0, 0, 1}, 0}, {{1, 0, 0, 1}, 0.5F}, {{0, 0, 1, 1}, 0.5F}, {{0, 0, 1, 1}, 1}};
    paint.to_node = {6000, 0, 0, 6000, 0, -2999};
    Add(Filled(0, 0, 6000, 2, paint));
    const Picture picture = Painted();
    const bool radial = type == scene::PaintType::kGradientRadial;
    EXPECT_EQ(picture.pixels[radial ? 4498 : 2998], kRed);
    EXPECT_EQ(picture.pixels[radial ? 4501 : 3001], kBlue);
  }
}

// Lines of one colour stay at right angles to the axis of the unit square, and are slanted with it.
TEST_F(PaintTest, ASlantedGradientIsSlanted) {
  scene::Paint paint;
  paint.type = scene::PaintType::kGradientLinear;
  paint.stops = {{{1, 0, 0, 1}, 0}, {{1, 0, 0, 1}, 0.5F}, {{0, 0, 1, 1}, 0.5F}, {{0, 0, 1, 1}, 1}};
  paint.to_node = {20, 0, 10, 20, -5, 0};  // x is moved by half of y
  Add(Filled(0, 0, 20, 20, paint));
  EXPECT_EQ(At(2, 2), kRed);
  EXPECT_EQ(At(8, 2), kBlue) << "the border runs from 5, 0";
  EXPECT_EQ(At(12, 18), kRed) << "to 15, 20";
  EXPECT_EQ(At(16, 18), kBlue);
}

// Between the last stop and the first lies a blend of the two.
TEST_F(PaintTest, AnAngularGradientGoesAround) {
  scene::Paint paint;
  paint.type = scene::PaintType::kGradientAngular;
  paint.stops = {{{1, 0, 0, 1}, 0.25F}, {{0, 0, 1, 1}, 0.75F}};
  paint.to_node = {20, 0, 0, 20, 0, 0};
  Add(Filled(0, 0, 20, 20, paint));
  EXPECT_TRUE(Near(At(19, 10), 0xff800080, 6)) << "three o'clock";
  EXPECT_TRUE(Near(At(9, 19), 0xfffc0004, 12)) << "six o'clock";
}

TEST_F(PaintTest, OpacityOfPaintsAppliesToAllKinds) {
  for (const auto type : {scene::PaintType::kSolid, scene::PaintType::kGradientLinear, scene::PaintType::kGradientRadial, scene::PaintType::kGradientAngular,
                          scene::PaintType::kGradientDiamond}) {
    Clear();
    scene::Paint paint = Solid(1, 0, 0);
    paint.type = type;
    paint.opacity = 0.5F;
    paint.stops = {{{1, 0, 0, 1}, 0}};
    paint.to_node = {20, 0, 0, 20, 0, 0};
    Add(Filled(0, 0, 20, 20, paint));
    EXPECT_TRUE(Near(At(5, 5), 0x80800000, 1)) << static_cast<int>(type);
  }
}

TEST_F(PaintTest, AGradientWithoutAnInverseIsNothing) {
  for (const auto type : {scene::PaintType::kGradientLinear, scene::PaintType::kGradientRadial, scene::PaintType::kGradientAngular, scene::PaintType::kGradientDiamond}) {
    Clear();
    scene::Paint paint;
    paint.type = type;
    paint.stops = {{{1, 0, 0, 1}, 0}, {{0, 0, 1, 1}, 1}};
    paint.to_node = {0, 0, 0, 0, 3, 3};
    Add(Filled(0, 0, 20, 20, paint));
    EXPECT_EQ(At(5, 5), kNothing) << static_cast<int>(type);
  }
}

}  // namespace
}  // namespace raster
