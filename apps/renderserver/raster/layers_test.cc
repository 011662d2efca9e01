// Clips, strokes, masks, groups and blend modes.
#include "raster/testing.h"

#include <algorithm>
#include <random>
#include <tuple>

#include "raster/blend.h"

namespace raster {
namespace {

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

// A circle is no clip of cairo's; nor is a turned rectangle.
TEST_F(PaintTest, ChildrenAreClippedToAnyShape) {
  Node frame;
  frame.clips = true;
  frame.clip_shapes.push_back(Area(Circle(10, 10, 8)));
  const std::uint32_t index = Add(frame);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)), index);
  EXPECT_EQ(At(10, 10), kRed);
  EXPECT_EQ(At(10, 3), kRed);
  EXPECT_EQ(At(3, 3), kNothing);
  EXPECT_EQ(At(1, 10), kNothing);
}

// Were it a layer of its own, the child would have nothing to mix with.
TEST_F(PaintTest, ChildrenInAClipMixWithWhatIsBelowIt) {
  scene_.background = {0, 0, 1, 1};
  Node frame;
  frame.clips = true;
  frame.clip_shapes.push_back(Area(Circle(10, 10, 8)));
  const std::uint32_t index = Add(frame);
  Node child = Filled(0, 0, 20, 20, Solid(1, 1, 0));
  child.blend = BlendMode::kMultiply;
  Add(child, index);
  EXPECT_EQ(At(10, 10), 0xff000000);
  EXPECT_EQ(At(1, 1), kBlue);
}

// The second child would cover what the first one left of the background.
TEST_F(PaintTest, EdgesOfAClipAreSmoothedOnce) {
  for (const auto* clip : {Box(0, 0, 10.5F, 20), Circle(0.5F, 10, 10)}) {
    Clear();
    scene_.background = {0, 0, 0, 1};
    Node frame;
    frame.clips = true;
    frame.clip_shapes.push_back(Area(clip));
    const std::uint32_t index = Add(frame);
    for (int i = 0; i < 4; ++i) Add(Filled(0, 0, 20, 20, Solid(1, 1, 1)), index);
    if (clip->commands.size() == 5) continue;  // cairo's own: each child is smoothed by itself
    EXPECT_NEAR(At(10, 10) & 0xff, 120, 16);
  }
}

TEST_F(PaintTest, ClipsNest) {
  Node outer;
  outer.clips = true;
  outer.clip_shapes.push_back(Area(Box(4, 0, 12, 20)));
  const std::uint32_t first = Add(outer);
  Node inner;
  inner.clips = true;
  inner.clip_shapes.push_back(Area(Circle(4, 10, 8)));
  const std::uint32_t second = Add(inner, first);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)), second);
  Add(Filled(0, 18, 20, 2, Solid(0, 0, 1)), first);
  EXPECT_EQ(At(6, 10), kRed);
  EXPECT_EQ(At(3, 10), kNothing) << "outside of the outer one";
  EXPECT_EQ(At(14, 10), kNothing) << "outside of the inner one";
  EXPECT_EQ(At(14, 19), kBlue) << "the inner one has ended";
  EXPECT_EQ(At(17, 19), kNothing);
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

// With curves, where cairo's own clip is not used.
TEST_F(PaintTest, StrokesLieOnTheirSideOfACircle) {
  Node node;
  node.fills.push_back(Area(Circle(10, 10, 6), Solid(1, 1, 1, 0.5F)));
  node.clip_shapes = node.fills;
  node.strokes.push_back(Area(Circle(10, 10, 9), Solid(1, 0, 0)));  // a disc: covers all around
  const std::uint32_t index = Add(node);
  for (const auto& [align, outside, inside] : {std::tuple{scene::StrokeAlign::kCenter, kRed, kRed},
                                               {scene::StrokeAlign::kInside, kNothing, kRed}, {scene::StrokeAlign::kOutside, kRed, 0x80808080U}}) {
    scene_.nodes[index].stroke_align = align;
    EXPECT_EQ(At(10, 2), outside);
    EXPECT_EQ(At(10, 6), inside);
  }
}

// The edge of an opaque area and of its outer stroke share pixels; none of the background shows there.
TEST_F(PaintTest, NoBackgroundShowsBetweenAreaAndOuterStroke) {
  scene_.background = {0, 0, 1, 1};
  Node node = Filled(5.5F, 5.5F, 9, 9, Solid(1, 1, 1));
  node.clip_shapes = node.fills;
  node.stroke_align = scene::StrokeAlign::kOutside;
  node.strokes.push_back(Area(Ring(2, 2, 16, 16, 7), Solid(1, 1, 1)));
  node.strokes[0].winding = scene::Winding::kOdd;
  Add(node);
  EXPECT_EQ(At(5, 10), kWhite);
  EXPECT_EQ(At(1, 10), kBlue);
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

// Whatever it is filled with, and its children's as well.
TEST_F(PaintTest, AnOutlineMaskIsTheAreaOfAllThatItHolds) {
  Node group;
  group.mask = scene::Mask::kOutline;
  const std::uint32_t index = Add(group);
  Add(Filled(2, 2, 4, 4, Solid(0, 0, 0, 0.1F)), index);
  Add(Filled(10, 2, 4, 4, Solid(0, 0, 0, 0.1F)), index);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)));
  EXPECT_EQ(At(3, 3), kRed);
  EXPECT_EQ(At(12, 3), kRed);
  EXPECT_EQ(At(8, 3), kNothing);
}

TEST_F(PaintTest, AnOutlineMaskNeedsNoPaint) {
  Node group, mask;
  group.opacity = .5F;
  mask.mask = scene::Mask::kOutline;
  mask.clip_shapes.push_back(Area(Box(5, 5, 10, 10)));
  const std::uint32_t parent = Add(group);
  Add(mask, parent);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)), parent);
  EXPECT_NEAR(At(10, 10) >> 24, 128, 1);
  EXPECT_EQ(At(2, 2), kNothing);
}

TEST_F(PaintTest, TheLightOfAMaskCounts) {
  Node mask = Filled(0, 0, 10, 20, Solid(1, 1, 1));
  mask.mask = scene::Mask::kLuminance;
  const std::uint32_t index = Add(mask);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)));
  EXPECT_EQ(At(5, 5), kRed);
  EXPECT_EQ(At(15, 5), kNothing);
  scene_.nodes[index].fills[0].paints = Paints({Solid(0, 1, 0)});
  EXPECT_NEAR(At(5, 5) >> 24, 0.7152 * 255, 1);
}

TEST_F(PaintTest, MasksFollowEachOther) {
  Node first = Filled(0, 0, 10, 20, Solid(0, 0, 0)), second = Filled(0, 0, 20, 10, Solid(0, 0, 0));
  first.mask = second.mask = scene::Mask::kAlpha;
  Add(first);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)));
  Add(second);
  Add(Filled(0, 0, 20, 20, Solid(0, 0, 1)));
  EXPECT_EQ(At(5, 5), kBlue);
  EXPECT_EQ(At(5, 15), kRed);
  EXPECT_EQ(At(15, 5), kNothing);
}

TEST_F(PaintTest, AMaskBeyondThePictureHidesAll) {
  Node mask = Filled(100, 100, 10, 10, Solid(0, 0, 0));
  mask.mask = scene::Mask::kAlpha;
  Add(mask);
  Add(Filled(0, 0, 20, 20, Solid(1, 0, 0)));
  EXPECT_EQ(At(5, 5), kNothing);
}

TEST_F(PaintTest, EachBlendModeMixes) {
  scene_.background = {0.5F, 0.5F, 0.5F, 1};
  Node node = Filled(0, 0, 20, 20, Solid(0.75F, 0.25F, 0.5F));
  const std::uint32_t index = Add(node);
  const std::pair<BlendMode, std::uint32_t> wanted[] = {
      {BlendMode::kPassThrough, 0xffbf4080}, {BlendMode::kNormal, 0xffbf4080}, {BlendMode::kMultiply, 0xff602040}, {BlendMode::kScreen, 0xffdf9fbf}, {BlendMode::kDarken, 0xff804080},
      {BlendMode::kLighten, 0xffbf8080}, {BlendMode::kDifference, 0xff404000}, {BlendMode::kLinearDodge, 0xffffbfff}, {BlendMode::kLinearBurn, 0xff400001},
      {BlendMode::kColorBurn, 0xff550000}, {BlendMode::kColorDodge, 0xffffabff}, {BlendMode::kOverlay, 0xffbf4080}, {BlendMode::kHardLight, 0xffbf4080},
      {BlendMode::kSoftLight, 0xff9a6080}, {BlendMode::kExclusion, 0xff808080}, {BlendMode::kHue, 0xff808080}, {BlendMode::kSaturation, 0xff808080},
      {BlendMode::kColor, 0xffd25292}, {BlendMode::kLuminosity, 0xff6f6f6f}};
  for (const auto& [mode, pixel] : wanted) {
    scene_.nodes[index].blend = mode;
    const std::uint32_t got = At(10, 10);
    for (const unsigned shift : {0U, 8U, 16U, 24U}) {
      EXPECT_NEAR(static_cast<int>(got >> shift & 0xff), static_cast<int>(pixel >> shift & 0xff), 2) << static_cast<int>(mode) << " " << std::hex << got;
    }
  }
}

// Each way that a mode is asked for: as the paint's, the node's, and the group's.
TEST_F(PaintTest, ModesBelongToPaintsAndNodesAndGroups) {
  for (const BlendMode mode : {BlendMode::kMultiply, BlendMode::kLinearBurn}) {
    for (int whose = 0; whose < 3; ++whose) {
      Clear();
      scene_.background = {1, 1, 0, 1};
      Node node = Filled(0, 0, 10, 20, Solid(0, 1, 1));
      if (whose == 0) const_cast<scene::PaintList&>(*node.fills[0].paints)[0].blend = mode;
      if (whose == 1) node.blend = mode;
      Node group;
      if (whose == 2) group.blend = mode;
      Add(node, Add(group));
      EXPECT_EQ(At(5, 5), kGreen) << whose;
      EXPECT_EQ(At(15, 5), 0xffffff00) << whose;
    }
  }
}

TEST_F(PaintTest, AGroupThatIsIsolatedHidesTheBackgroundFromItsChildren) {
  scene_.background = {1, 1, 0, 1};
  Node group;
  group.blend = BlendMode::kNormal;
  group.opacity = 0.5F;
  const std::uint32_t index = Add(group);
  Node child = Filled(0, 0, 20, 20, Solid(0, 1, 1));
  child.blend = BlendMode::kMultiply;
  Add(child, index);
  EXPECT_TRUE(Near(At(5, 5), 0xff80ff80, 1));
  scene_.nodes[index].opacity = 1;
  scene_.nodes[index].blend = BlendMode::kPassThrough;
  EXPECT_EQ(At(5, 5), kGreen);
}

// The formula in integers, of any two pixels that there can be: co = cs (1 - ab) + cb (1 - as) + max(0, cs ab + cb as - as ab),
// as W3C's compositing has it with B(cb, cs) = max(0, cb + cs - 1), cs and cb premultiplied; all times 255 * 255.
std::uint32_t Burnt(std::uint32_t source, std::uint32_t backdrop) {
  const int sa = static_cast<int>(source >> 24), ba = static_cast<int>(backdrop >> 24);
  std::uint32_t result = static_cast<std::uint32_t>(((sa + ba) * 255 - sa * ba + 127) / 255) << 24;
  for (const unsigned shift : {0U, 8U, 16U}) {
    const int s = static_cast<int>(source >> shift & 0xff), b = static_cast<int>(backdrop >> shift & 0xff);
    const int sum = s * (255 - ba) + b * (255 - sa) + std::max(0, s * ba + b * sa - sa * ba);
    result |= static_cast<std::uint32_t>((sum + 127) / 255) << shift;
  }
  return result;
}

TEST(LinearBurn, IsItsFormulaForAnyTwoPixels) {
  constexpr int kSide = 128;
  const Box box{0, 0, kSide, kSide};
  const fig::Budget budget;
  Pixels pixels{budget};
  std::mt19937 random(1);
  const auto pixel = [&](int alpha) {
    auto result = static_cast<std::uint32_t>(alpha);
    for (int i = 0; i < 3; ++i) result = result << 8 | static_cast<std::uint32_t>(random() % (static_cast<unsigned>(alpha) + 1));
    return result;
  };
  auto below = Surface::Make(CAIRO_FORMAT_ARGB32, box, pixels), above = Surface::Make(CAIRO_FORMAT_ARGB32, box, pixels);
  ASSERT_TRUE(below.ok() && above.ok());
  std::vector<std::uint32_t> wanted;
  auto* to = reinterpret_cast<std::uint32_t*>(below.value().bytes());
  auto* from = reinterpret_cast<std::uint32_t*>(above.value().bytes());
  ASSERT_EQ(below.value().stride(), 4 * kSide);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {  // each pair of transparencies, and both ends of each
      to[y * kSide + x] = pixel(y == kSide - 1 ? 255 : 2 * y);
      from[y * kSide + x] = pixel(x == kSide - 1 ? 255 : 2 * x);
      wanted.push_back(Burnt(from[y * kSide + x], to[y * kSide + x]));
    }
  }
  BurnInto(below.value(), above.value(), 1);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_TRUE(Near(to[i], wanted[i], 0)) << "source " << std::hex << from[i];
  }
}

// A mode that cairo lacks, at a clip's edge: what it makes is weighed as anything else.
TEST_F(PaintTest, LinearBurnRespectsClips) {
  scene_.background = {1, 1, 1, 1};
  Node frame;
  frame.clips = true;
  frame.clip_shapes.push_back(Area(Box(0, 0, 9.5F, 20)));
  const std::uint32_t index = Add(frame);
  Node child = Filled(0, 0, 20, 20, Solid(0, 0, 0));
  child.blend = BlendMode::kLinearBurn;
  Add(child, index);
  EXPECT_EQ(At(8, 5), 0xff000000);
  EXPECT_TRUE(Near(At(9, 5), 0xff808080, 1));
  EXPECT_EQ(At(10, 5), kWhite);
}

}  // namespace
}  // namespace raster
