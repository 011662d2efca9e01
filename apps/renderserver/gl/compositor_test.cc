// The same scenes by both compositors.
#include "gl/compositor.h"

#include <gtest/gtest.h>

#include <random>

#include "compare/compare.h"
#include "raster/blend.h"
#include "raster/raster.h"

namespace gl {
namespace {

using scene::BlendMode;
using scene::Node;

class CompositorTest : public ::testing::Test {
 protected:
  CompositorTest() {
    scene_.nodes.resize(1);
    scene_.region = {0, 0, 64, 64};
    scene_.background = {0.9F, 0.8F, 0.3F, 1};
  }
  void SetUp() override {
    auto made = MakeCompositor();
    if (!made.ok()) GTEST_SKIP() << "no OpenGL here: " << made.fault().detail;
    compositor_ = std::move(made.value());
  }
  // Below the root, or below the node before.
  std::uint32_t Add(Node node, std::uint32_t parent) {
    const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
    scene_.nodes.push_back(std::move(node));
    std::uint32_t* link = &scene_.nodes[parent].first_child;
    while (*link != Node::kNone) link = &scene_.nodes[*link].next_sibling;
    *link = index;
    return index;
  }
  Node Box(float x, float y, float side, scene::Colour colour) {
    using O = scene::Outline;
    scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose}, {x, y, x + side, y + 3, x + side, y + side, x, y + side}, {x, y, side, side}});
    scene::Paint paint;
    paint.colour = colour;
    scene_.paints.push_back({paint});
    Node node;
    node.fills.push_back({&scene_.outlines.back(), scene::Winding::kNonZero, {}, &scene_.paints.back(), false});
    return node;
  }
  static compare::Image ImageOf(const raster::Picture& picture) {
    const auto png = raster::EncodePng(picture);
    auto image = compare::ReadPng({png.value().data(), png.value().size()}, "picture");
    return image.ok() ? std::move(image.value()) : compare::Image{};
  }
  void ExpectAlike(const std::string& what) {
    raster::Options options;
    options.scale = 2;
    auto plain = raster::Paint(scene_, options, {}, nullptr);
    options.compositor = compositor_.get();
    auto shaded = raster::Paint(scene_, options, {}, nullptr);
    ASSERT_TRUE(plain.ok() && shaded.ok()) << what << ": " << (plain.ok() ? shaded.fault().ToString() : plain.fault().ToString());
    EXPECT_NE(plain.value().pixels.front(), 0U);
    const compare::Score score = compare::Compare(ImageOf(plain.value()), ImageOf(shaded.value()));
    EXPECT_GT(score.ssim, 0.99) << what;
    EXPECT_LT(score.mean_difference, 3) << what;  // the modes by hue round at other places
  }

  scene::Scene scene_;
  std::unique_ptr<raster::Compositor> compositor_;
};

TEST_F(CompositorTest, EachBlendModeIsThatOfThePainter) {
  Add(Box(5, 5, 30, {0.2F, 0.6F, 0.4F, 1}), 0);
  Node group;
  group.opacity = 0.8F;
  const std::uint32_t index = Add(group, 0);
  Add(Box(15, 15, 40, {0.7F, 0.3F, 0.5F, 0.7F}), index);
  Add(Box(40, 10, 15, {0.1F, 0.2F, 0.9F, 1}), index);
  for (int mode = 1; mode <= static_cast<int>(BlendMode::kLuminosity); ++mode) {
    scene_.nodes[index].blend = static_cast<BlendMode>(mode);
    ExpectAlike("mode " + std::to_string(mode));
  }
}

// As the painter's own, which is held against the formula (raster/layers_test.cc); the last step of 255 is
// where the processor's and the shader's numbers round.
TEST_F(CompositorTest, LinearBurnIsThatOfThePainterForAnyTwoPixels) {
  constexpr int kSide = 128;
  const fig::Budget budget;
  raster::Pixels pixels{budget};
  const auto surface = [&] { return raster::Surface::Make(CAIRO_FORMAT_ARGB32, {0, 0, kSide, kSide}, pixels); };
  auto plain = surface(), shaded = surface(), above = surface();
  ASSERT_TRUE(plain.ok() && shaded.ok() && above.ok());
  unsigned char *a = plain.value().bytes(), *b = shaded.value().bytes(), *from = above.value().bytes();
  ASSERT_EQ(plain.value().stride(), 4 * kSide);
  std::mt19937 random(1);
  for (int i = 0; i < kSide * kSide; ++i) {
    const unsigned below_alpha = i / kSide * 255U / (kSide - 1), above_alpha = i % kSide * 255U / (kSide - 1);
    for (int c = 0; c < 4; ++c) {
      a[4 * i + c] = b[4 * i + c] = static_cast<unsigned char>(c == 3 ? below_alpha : random() % (below_alpha + 1));
      from[4 * i + c] = static_cast<unsigned char>(c == 3 ? above_alpha : random() % (above_alpha + 1));
    }
  }
  for (raster::Surface* one : {&plain.value(), &shaded.value(), &above.value()}) one->Changed();
  raster::BurnInto(plain.value(), above.value(), 0.7);
  const auto done = compositor_->Blend(shaded.value(), above.value(), 0.7, BlendMode::kLinearBurn);
  ASSERT_TRUE(done.ok()) << done.fault().ToString();
  for (int i = 0; i < 4 * kSide * kSide; ++i) ASSERT_NEAR(a[i], b[i], 1) << "byte " << i;
}

TEST_F(CompositorTest, BlursAndShadowsAreThoseOfThePainter) {
  const std::uint32_t index = Add(Box(20, 20, 24, {0.7F, 0.3F, 0.5F, 1}), 0);
  for (const double radius : {2.0, 7.0, 30.0}) {
    for (const auto type : {scene::Effect::Type::kDropShadow, scene::Effect::Type::kInnerShadow, scene::Effect::Type::kLayerBlur}) {
      scene_.nodes[index].effects = {{type, {0, 0, 0, 0.8F}, {3, 5}, radius, 0, BlendMode::kNormal, false}};
      ExpectAlike("effect " + std::to_string(static_cast<int>(type)) + " of " + std::to_string(radius));
    }
  }
}

TEST_F(CompositorTest, ClipsCutAsTheyDoOtherwise) {
  Node frame = Box(10, 10, 40, {1, 1, 1, 1});
  frame.clips = true;
  frame.clip_shapes = frame.fills;
  const std::uint32_t index = Add(frame, 0);
  Node child = Box(0, 0, 64, {0.2F, 0.4F, 0.6F, 1});
  child.blend = BlendMode::kMultiply;
  child.effects = {{scene::Effect::Type::kLayerBlur, {}, {}, 6, 0, BlendMode::kNormal, false}};
  Add(child, index);
  ExpectAlike("clip");
}

}  // namespace
}  // namespace gl
