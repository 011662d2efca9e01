#include <cmath>

#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Id;
using testing::Maker;

TEST_F(BuildTest, ChildrenAreDrawnInTheOrderOfTheirPositionsBytes) {
  maker_.Box(10, 1, 0, 0, 1, 1).position = "!";
  maker_.Box(11, 1, 0, 0, 1, 1).position = " ~";
  maker_.Box(12, 1, 0, 0, 1, 1).position = "\xff";
  EXPECT_EQ(Drawn(), (std::vector<std::uint32_t>{11, 10, 12}));
}

TEST_F(BuildTest, WhatIsInvisibleIsNotDrawnNorWhatIsInIt) {
  maker_.Add(10, NodeType::kFrame, 1).visible = false;
  maker_.Box(11, 10, 0, 0, 1, 1);
  maker_.Box(12, 1, 0, 0, 1, 1).opacity = 0;
  maker_.Box(13, 1, 0, 0, 1, 1).style_type = "FILL";
  maker_.Add(14, NodeType::kSlice, 1);
  maker_.Box(15, 1, 0, 0, 1, 1);
  EXPECT_EQ(Drawn(), std::vector<std::uint32_t>{15});
}

TEST_F(BuildTest, InternalPagesAreNoPages) {
  maker_.At(1).internal_only = true;
  maker_.Box(10, 1, 0, 0, 1, 1);
  maker_.Add(2, NodeType::kCanvas, 0);
  maker_.Box(20, 2, 0, 0, 1, 1);
  EXPECT_EQ(Drawn(), std::vector<std::uint32_t>{20});
}

TEST_F(BuildTest, ASharedStyleWinsOverPaintsThatMayBeStale) {
  fig::NodeChange& style = maker_.Box(5, 1, 0, 0, 1, 1);
  style.style_type = "FILL";
  style.fill_paints = {Maker::Solid(0, 1, 0)};
  maker_.Box(10, 1, 0, 0, 1, 1).fill_style = Id(5);
  maker_.Box(11, 1, 0, 0, 1, 1).fill_style = fig::Guid{};  // none
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 10).fills.at(0).paints->at(0).colour.g, 1);
  EXPECT_EQ(Find(scene, 11).fills.at(0).paints->at(0).colour.r, 1);
}

TEST_F(BuildTest, GroupsDoNotClipAndFramesDo) {
  for (const std::uint32_t id : {10U, 11U, 12U}) {
    maker_.Add(id, NodeType::kFrame, 1).size = fig::Vector{10, 10};
    maker_.Box(id + 10, id, 5, 5, 10, 10);
  }
  maker_.At(11).resize_to_fit = true;
  maker_.At(12).frame_mask_disabled = true;
  const Scene scene = Built();
  EXPECT_TRUE(Find(scene, 10).clips);
  EXPECT_EQ(Find(scene, 10).clip_shapes.size(), 1U);
  EXPECT_FALSE(Find(scene, 11).clips);
  EXPECT_FALSE(Find(scene, 12).clips);
}

TEST_F(BuildTest, ABooleanOperationStandsForItsChildren) {
  fig::NodeChange& node = maker_.Add(10, NodeType::kBooleanOperation, 1);
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  node.fill_geometry = {{fig::Winding::kOdd, maker_.Blob({{1, 0, 0}, {2, 4, 0}, {2, 4, 4}, {0}}), 0}};
  maker_.Box(11, 10, 0, 0, 1, 1);
  const Scene scene = Built();
  ASSERT_EQ(scene.nodes.size(), 2U);
  EXPECT_EQ(scene.nodes[1].fills.at(0).winding, Winding::kOdd);
}

TEST_F(BuildTest, GradientsArePlacedInTheNode) {
  fig::Paint paint;
  paint.type = PaintType::kGradientLinear;
  paint.transform = {0, 1, 0, -1, 0, 1};  // a quarter turn: from top to bottom
  paint.stops = {{{0, 0, 0, 1}, 1}, {{1, 1, 1, 1}, 0}};
  maker_.Box(10, 1, 0, 0, 200, 100).fill_paints = {paint};
  const Scene scene = Built();
  const Paint& placed = Find(scene, 10).fills.at(0).paints->at(0);
  EXPECT_EQ(placed.stops.front().position, 0);
  const Point begin = Apply(placed.to_node, {0, 0.5}), end = Apply(placed.to_node, {1, 0.5});
  EXPECT_NEAR(begin.x, 100, 1e-9);
  EXPECT_NEAR(begin.y, 0, 1e-9);
  EXPECT_NEAR(end.x, 100, 1e-9);
  EXPECT_NEAR(end.y, 100, 1e-9);
}

TEST_F(BuildTest, GlyphsHaveThePaintsOfTheirRun) {
  const std::uint32_t blob = maker_.Blob({{1, 0, 0}, {2, 1, 0}, {2, 1, 1}, {0}});
  auto text = std::make_shared<fig::TextData>();
  text->character_style_ids = {0, 7};
  fig::NodeChange style;
  style.style_id = 7;
  style.fill_paints = {Maker::Solid(0, 0, 1)};
  text->styles = {style};
  auto derived = std::make_shared<fig::DerivedTextData>();
  for (std::uint32_t i = 0; i < 2; ++i) {
    fig::Glyph glyph;
    glyph.blob = blob;
    glyph.font_size = 10;
    glyph.position = {static_cast<float>(10 * i), 20};
    glyph.first_character = i;
    derived->glyphs.push_back(glyph);
  }
  fig::NodeChange& node = maker_.Add(10, NodeType::kText, 1);
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  node.text = text;
  node.derived_text = derived;
  const Scene scene = Built();
  const auto& fills = Find(scene, 10).fills;
  ASSERT_EQ(fills.size(), 2U);
  EXPECT_EQ(fills[0].paints->at(0).colour.r, 1);
  EXPECT_EQ(fills[1].paints->at(0).colour.b, 1);
  const Point top = Apply(fills[1].to_node, {0, 1});  // an em above the line
  EXPECT_NEAR(top.x, 10, 1e-6);
  EXPECT_NEAR(top.y, 10, 1e-6);
}

TEST_F(BuildTest, CirclesOfParentsAreRefused) {
  maker_.Box(10, 11, 0, 0, 1, 1);
  maker_.Box(11, 10, 0, 0, 1, 1);
  EXPECT_EQ(Refused(), FaultClass::kGraph);
}

TEST_F(BuildTest, DepthHasABudget) {
  for (std::uint32_t i = 10; i < 1000; ++i) maker_.Add(i, NodeType::kFrame, i == 10 ? 1 : i - 1);
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(BuildTest, NumbersThatAreNoneAreRefused) {
  maker_.Box(10, 1, NAN, 0, 1, 1);
  EXPECT_EQ(Refused(), FaultClass::kGeometry);
  maker_.At(10).transform = fig::Matrix{};
  maker_.At(10).size = fig::Vector{INFINITY, 1};
  EXPECT_EQ(Refused(), FaultClass::kGeometry);
}

TEST_F(BuildTest, PathsAreChecked) {
  fig::NodeChange& node = maker_.Box(10, 1, 0, 0, 1, 1);
  const std::vector<std::uint32_t> bad = {4711, maker_.Raw("\x07"), maker_.Raw(std::string("\x01\0\0", 3)),
                                          maker_.Blob({{2, 1, 1}}), maker_.Blob({{1, NAN, 0}})};
  for (const std::uint32_t blob : bad) {
    maker_.At(10).fill_geometry = {{fig::Winding::kNonZero, blob, 0}};
    EXPECT_EQ(Refused(), FaultClass::kGeometry) << blob;
  }
  static_cast<void>(node);
}

TEST_F(BuildTest, PagesAndNodesAreFoundByNameNumberAndId) {
  maker_.At(1).name = "First";
  maker_.Add(2, NodeType::kCanvas, 0).name = "Second";
  maker_.Box(20, 2, 5, 5, 10, 10).name = "Button";
  EXPECT_EQ(Built({Selection::Kind::kPage, "Second"}).nodes.size(), 2U);
  EXPECT_EQ(Built({Selection::Kind::kPage, "2"}).nodes.size(), 2U);
  EXPECT_EQ(Built({Selection::Kind::kNode, "Button"}).nodes.size(), 2U);
  EXPECT_EQ(Built({Selection::Kind::kNode, "1:20"}).region.x, 5);
  EXPECT_EQ(Refused({Selection::Kind::kNode, "Buttom"}), FaultClass::kNotFound);
  EXPECT_EQ(Refused({Selection::Kind::kPage, "3"}), FaultClass::kNotFound);
}

TEST_F(BuildTest, AnEmptyDocumentIsAnEmptyPicture) {
  const Scene scene = Built();
  EXPECT_EQ(scene.nodes.size(), 1U);
  EXPECT_FALSE(scene.region.empty());
}

}  // namespace
}  // namespace scene
