#include <array>
#include <cmath>

#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Maker;

class RegionTest : public BuildTest {
 protected:
  fig::NodeChange& Frame(std::uint32_t id, float width, float height) {
    fig::NodeChange& node = maker_.Add(id, NodeType::kFrame, 1);
    node.size = fig::Vector{width, height};
    return node;
  }
  void ExpectRegion(double x, double y, double width, double height) {
    const Rect region = Built().region;
    EXPECT_NEAR(region.x, x, 1e-4);
    EXPECT_NEAR(region.y, y, 1e-4);
    EXPECT_NEAR(region.width, width, 1e-4);
    EXPECT_NEAR(region.height, height, 1e-4);
  }
  static fig::Effect Effect(fig::EffectType type, float radius) {
    fig::Effect effect;
    effect.type = type;
    effect.radius = radius;
    return effect;
  }
};

TEST_F(RegionTest, IsWhatTheFileSays) {
  maker_.Box(10, 1, 5, 5, 10, 10);
  maker_.document().meta.render_coordinates = std::array<double, 4>{1, 2, 3, 4};
  ExpectRegion(1, 2, 3, 4);
}

TEST_F(RegionTest, ElseIsWhatIsDrawn) {
  maker_.Box(10, 1, 5, 5, 10, 10);
  maker_.Box(11, 1, -5, 7, 1, 1);
  maker_.Box(12, 1, 100, 100, 1, 1).visible = false;
  ExpectRegion(-5, 5, 20, 10);
}

TEST_F(RegionTest, IsOfTheCurvesAndNotOfTheirControlPoints) {
  // The control points reach to y = -40, the curve to -30.
  fig::NodeChange& node = maker_.Add(10, NodeType::kVector, 1);
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  node.fill_geometry = {{fig::Winding::kNonZero, maker_.Blob({{1, 0, 0}, {4, 0, -40, 100, -40, 100, 0}, {0}}), 0}};
  ExpectRegion(0, -30, 100, 30);
}

TEST_F(RegionTest, IsOfWhatIsTurnedAndNotOfItsTurnedBox) {
  // A circle, an eighth of a turn: its box would be wider by the root of two.
  fig::NodeChange& node = maker_.Box(10, 1, 0, 0, 10, 10);
  node.type = NodeType::kEllipse;
  const float c = std::sqrt(.5F);
  node.transform = fig::Matrix{c, -c, 0, c, c, 0};
  const Rect region = Built().region;
  EXPECT_NEAR(region.width, 10, .01);
  EXPECT_NEAR(region.height, 10, .01);
}

TEST_F(RegionTest, EndsWhereAFrameClipsItsChildren) {
  Frame(10, 10, 10);
  maker_.Box(11, 10, 5, 5, 100, 100);
  ExpectRegion(0, 0, 10, 10);
  maker_.At(10).frame_mask_disabled = true;
  ExpectRegion(0, 0, 105, 105);
}

TEST_F(RegionTest, HasTheBoxesOfFramesAndNotOfGroups) {
  Frame(10, 30, 10);
  maker_.Box(11, 10, 5, 5, 2, 2);
  ExpectRegion(0, 0, 30, 10);
  maker_.At(10).resize_to_fit = true;
  ExpectRegion(5, 5, 2, 2);
}

TEST_F(RegionTest, HasShadowsOfWhatIsPaintedAndNotOfBoxes) {
  Frame(10, 100, 100).effects = {Effect(fig::EffectType::kDropShadow, 4)};
  maker_.At(10).effects->at(0).offset = {0, 2};
  maker_.Box(11, 10, 0, 0, 10, 10);
  maker_.At(10).resize_to_fit = true;
  ExpectRegion(-4, -2, 18, 18);
  maker_.At(10).resize_to_fit = false;
  ExpectRegion(-4, -2, 104, 102);
}

TEST_F(RegionTest, HasBlursAndNotInnerShadows) {
  maker_.Box(10, 1, 0, 0, 10, 10).effects = {Effect(fig::EffectType::kForegroundBlur, 3), Effect(fig::EffectType::kInnerShadow, 50)};
  ExpectRegion(-3, -3, 16, 16);
}

TEST_F(RegionTest, HasOuterStrokesAndNotInnerOnes) {
  fig::NodeChange& node = maker_.Box(10, 1, 0, 0, 10, 10);
  node.stroke_paints = {Maker::Solid(0, 0, 0)};
  // Twice as wide as the stroke, as files have it: the other half is cut off.
  node.stroke_geometry = {{fig::Winding::kOdd, maker_.Blob({{1, -2, -2}, {2, 12, -2}, {2, 12, 12}, {2, -2, 12}, {0},
                                                            {1, 2, 2}, {2, 8, 2}, {2, 8, 8}, {2, 2, 8}, {0}}), 0}};
  node.stroke_align = fig::StrokeAlign::kOutside;
  ExpectRegion(-2, -2, 14, 14);
  maker_.At(10).stroke_align = fig::StrokeAlign::kInside;
  ExpectRegion(0, 0, 10, 10);
}

TEST_F(RegionTest, EndsWhereAMaskEnds) {
  maker_.Box(10, 1, 50, 50, 10, 10);
  maker_.Box(11, 1, 0, 0, 10, 10).mask = true;
  maker_.Box(12, 1, 5, 5, 100, 100);
  ExpectRegion(5, 5, 55, 55);
}

TEST_F(RegionTest, OfANodeIsWhereItLies) {
  Frame(10, 100, 100).transform = fig::Matrix{2, 0, 30, 0, 2, 40};
  maker_.Box(11, 10, 5, 5, 10, 10).name = "Button";
  const Rect region = Built({Selection::Kind::kNode, "Button"}).region;
  EXPECT_EQ(region.x, 40);
  EXPECT_EQ(region.y, 50);
  EXPECT_EQ(region.width, 20);
}

// ---- how a thumbnail is drawn -----------------------------------------------------------------------

TEST_F(RegionTest, NewerFilesHaveThumbnailsOfFourSamples) {
  maker_.Box(10, 1, 5, 5, 10, 10);
  maker_.document().version = 14;
  EXPECT_EQ(Built().edges, Scene::Edges::kSmooth);
  maker_.document().version = 15;
  EXPECT_EQ(Built().edges, Scene::Edges::kFourSamples);
  EXPECT_EQ(Built({Selection::Kind::kPage, "1"}).edges, Scene::Edges::kSmooth);
}

// ---- what lies under everything -------------------------------------------------------------------

TEST_F(RegionTest, OldBareFilesShowTheColourOfThePage) {
  maker_.Box(10, 1, 5, 5, 10, 10);
  maker_.At(1).background_colour = fig::Colour{0, 0, 1, 1};
  maker_.At(1).background_opacity = .5F;
  maker_.document().version = 1;
  EXPECT_EQ(Built().background.b, 1);
  EXPECT_EQ(Built().background.a, .5F);
  maker_.At(1).background_enabled = false;
  EXPECT_EQ(Built().background.a, 0);
  maker_.At(1).background_enabled = true;
  maker_.document().version = 46;
  EXPECT_EQ(Built().background.a, 0);
  maker_.document().version = 1;
  maker_.document().zipped = true;
  EXPECT_EQ(Built().background.a, 0);
}

TEST_F(RegionTest, AThumbnailKnowsWhetherThePageIsShown) {
  maker_.Box(10, 1, 5, 5, 10, 10);
  maker_.At(1).background_colour = fig::Colour{0, 0, 1, 1};
  maker_.document().version = 1;
  const std::string holes = testing::Png(3, 2, 4, 6, 0);
  maker_.document().thumbnail = fig::BytesOf(holes);
  EXPECT_EQ(Built().background.a, 0);
  const std::string whole = testing::Png(3, 2, 4, 6, 255);
  maker_.document().version = 46;
  maker_.document().thumbnail = fig::BytesOf(whole);
  EXPECT_EQ(Built().background.a, 1);
}

}  // namespace
}  // namespace scene
