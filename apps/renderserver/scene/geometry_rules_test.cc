#include <algorithm>

#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Maker;

class GeometryTest : public BuildTest {
 protected:
  // A triangle that is 4 wide and high.
  std::uint32_t Triangle() { return maker_.Blob({{1, 0, 0}, {2, 4, 0}, {2, 4, 4}, {0}}); }
  fig::Path PathOf(std::uint32_t blob, std::uint32_t style = 0) { return {fig::Winding::kNonZero, blob, style}; }
  // A node with a red stroke of weight 2.
  fig::NodeChange& Stroked(NodeType type, fig::StrokeAlign align) {
    fig::NodeChange& node = maker_.Add(10, type, 1);
    node.size = fig::Vector{20, 10};
    node.stroke_paints = {Maker::Solid(1, 0, 0)};
    node.stroke_weight = 2.F;
    node.stroke_align = align;
    return node;
  }
};

TEST_F(GeometryTest, APathsStyleHasItsOwnPaints) {
  const std::uint32_t blob = Triangle();
  auto data = std::make_shared<fig::VectorData>();
  data->styles.resize(1);
  data->styles[0].style_id = 3;
  data->styles[0].fill_paints = {Maker::Solid(0, 0, 1)};
  fig::NodeChange& node = maker_.Add(10, NodeType::kVector, 1);
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  node.vector_data = data;
  node.fill_geometry = {PathOf(blob), PathOf(blob, 3), PathOf(blob, 4)};  // there is no style 4
  const Scene scene = Built();
  const auto& fills = Find(scene, 10).fills;
  ASSERT_EQ(fills.size(), 3U);
  EXPECT_EQ(fills[0].paints->at(0).colour.r, 1);
  EXPECT_EQ(fills[1].paints->at(0).colour.b, 1);
  EXPECT_EQ(fills[2].paints->at(0).colour.r, 1);
  EXPECT_EQ(fills[0].outline, fills[1].outline) << "parsed once";
}

TEST_F(GeometryTest, APathThatNamesNoBlobIsNothing) {
  maker_.Box(10, 1, 0, 0, 4, 4).fill_geometry = {fig::Path{}};
  EXPECT_TRUE(Find(Built(), 10).fills.empty());
}

TEST_F(GeometryTest, FaultsSayWhichBlobAndWhere) {
  maker_.Box(10, 1, 0, 0, 4, 4).fill_geometry = {PathOf(maker_.Blob({{1, 0, 0}, {9}}))};
  auto scene = Build(maker_.document(), {}, budget_);
  ASSERT_FALSE(scene.ok());
  EXPECT_EQ(scene.fault().where, "blob 0");
  EXPECT_EQ(scene.fault().offset, 9U);
}

TEST_F(GeometryTest, RectanglesHaveTheirCornersWhereTheOutlineIsMissing) {
  maker_.Box(10, 1, 0, 0, 20, 10).corner_radius = 3.F;
  maker_.Box(11, 1, 0, 0, 20, 10).corner_top_left = 100.F;  // half of the shorter side at most
  maker_.Box(12, 1, 0, 0, 20, 10);
  const Scene scene = Built();
  const auto curves = [&](std::uint32_t id) {
    const auto& commands = Find(scene, id).fills.at(0).outline->commands;
    return std::count(commands.begin(), commands.end(), Outline::kCubic);
  };
  EXPECT_EQ(curves(10), 4);
  EXPECT_EQ(curves(11), 1);
  EXPECT_EQ(Find(scene, 11).fills[0].outline->points.at(0), 5);
  EXPECT_EQ(curves(12), 0);
}

TEST_F(GeometryTest, EllipsesAreRoundWhereTheOutlineIsMissing) {
  maker_.Box(10, 1, 0, 0, 20, 10).type = NodeType::kEllipse;
  const Scene scene = Built();
  const Outline& outline = *Find(scene, 10).fills.at(0).outline;
  EXPECT_EQ(std::count(outline.commands.begin(), outline.commands.end(), Outline::kCubic), 4);
  EXPECT_NEAR(outline.bounds.width, 20, 1e-4);
  EXPECT_NEAR(outline.bounds.height, 10, 1e-4);
}

TEST_F(GeometryTest, StrokesOfPlainShapesLieOnTheirSideOfTheEdge) {
  const std::pair<fig::StrokeAlign, double> sides[] = {
      {fig::StrokeAlign::kCenter, 22}, {fig::StrokeAlign::kInside, 20}, {fig::StrokeAlign::kOutside, 24}};
  for (const auto& [align, width] : sides) {
    for (const NodeType type : {NodeType::kRoundedRectangle, NodeType::kEllipse}) {
      maker_ = Maker();
      Stroked(type, align);
      const Scene scene = Built();
      const Shape& stroke = Find(scene, 10).strokes.at(0);
      EXPECT_NEAR(stroke.outline->bounds.width, width, 1e-4);
      EXPECT_EQ(stroke.winding, Winding::kOdd);
      EXPECT_EQ(Find(scene, 10).stroke_align, StrokeAlign::kCenter) << "it needs no clip any more";
      EXPECT_EQ(std::count(stroke.outline->commands.begin(), stroke.outline->commands.end(), Outline::kMove), 2);
    }
  }
}

TEST_F(GeometryTest, ALineWithoutAnOutlineIsARectangle) {
  Stroked(NodeType::kLine, fig::StrokeAlign::kOutside).size = fig::Vector{20, 0};
  const Rect above = Find(Built(), 10).strokes.at(0).outline->bounds;
  EXPECT_EQ(above.y, -2);
  EXPECT_EQ(above.height, 2);
  maker_.At(10).stroke_align = fig::StrokeAlign::kCenter;
  EXPECT_EQ(Find(Built(), 10).strokes.at(0).outline->bounds.y, -1);
}

TEST_F(GeometryTest, AStrokeOfWhichNothingIsKnownIsRemarked) {
  Stroked(NodeType::kVector, fig::StrokeAlign::kCenter);
  const Scene scene = Built();
  EXPECT_TRUE(Find(scene, 10).strokes.empty());
  EXPECT_EQ(scene.remarks.size(), 1U);
}

TEST_F(GeometryTest, SidesNeedTheAreaAndStrokesWithoutOneHaveNone) {
  fig::NodeChange& node = Stroked(NodeType::kVector, fig::StrokeAlign::kInside);
  const std::uint32_t blob = Triangle();
  node.stroke_geometry = {PathOf(blob)};
  node.fill_geometry = {PathOf(blob)};
  {
    const Scene scene = Built();
    EXPECT_EQ(Find(scene, 10).stroke_align, StrokeAlign::kInside);
    EXPECT_EQ(Find(scene, 10).clip_shapes.size(), 1U);
    EXPECT_TRUE(Find(scene, 10).fills.empty()) << "there is no paint for them";
  }
  maker_.At(10).fill_geometry = {PathOf(maker_.Blob({{1, 0, 0}, {2, 20, 0}}))};
  EXPECT_EQ(Find(Built(), 10).stroke_align, StrokeAlign::kCenter);
}

TEST_F(BuildTest, AVectorNetworkStandsInForMissingGeometry) {
  std::string blob;
  const auto word = [&](std::uint32_t value) { blob.append(reinterpret_cast<const char*>(&value), 4); };
  const auto number = [&](float value) { blob.append(reinterpret_cast<const char*>(&value), 4); };
  for (const std::uint32_t count : {3U, 3U, 1U}) word(count);
  for (const auto& [x, y] : {std::pair{0.F, 0.F}, {1.F, 0.F}, {1.F, 1.F}}) {
    word(0);
    number(x);
    number(y);
  }
  for (std::uint32_t i = 0; i < 3; ++i) {
    word(0);
    word(i);
    number(0);
    number(0);
    word((i + 1) % 3);
    number(0);
    number(0);
  }
  for (const std::uint32_t value : {1U, 1U, 3U, 0U, 1U, 2U}) word(value);
  fig::NodeChange& node = maker_.Add(10, NodeType::kVector, 1);
  node.size = fig::Vector{20, 30};
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  node.vector_data = std::make_shared<fig::VectorData>(fig::VectorData{maker_.Raw(blob), {1, 1}, {}});
  const Scene scene = Built();
  EXPECT_NEAR(scene.region.width, 20, 1e-5);
  EXPECT_NEAR(scene.region.height, 30, 1e-5);
  maker_.At(10).vector_data = std::make_shared<fig::VectorData>(fig::VectorData{maker_.Raw(blob.substr(0, blob.size() - 1)), {1, 1}, {}});
  EXPECT_EQ(Refused(), FaultClass::kGeometry);
}

}  // namespace
}  // namespace scene
