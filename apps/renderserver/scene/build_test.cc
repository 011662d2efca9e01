#include <gtest/gtest.h>

#include <cmath>

#include "scene/bounds.h"
#include "scene/build.h"
#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::Id;
using testing::Maker;

class BuildTest : public ::testing::Test {
 protected:
  Scene Built(const Selection& selection = {}) {
    auto scene = Build(maker_.document(), selection, budget_);
    EXPECT_TRUE(scene.ok()) << scene.fault().ToString();
    return scene.ok() ? std::move(scene.value()) : Scene{};
  }
  FaultClass Refused(const Selection& selection = {}) {
    auto scene = Build(maker_.document(), selection, budget_);
    EXPECT_FALSE(scene.ok());
    return scene.ok() ? FaultClass::kOutput : scene.fault().kind;
  }
  // The nodes in paint order, by the local part of their guid.
  std::vector<std::uint32_t> Drawn() {
    std::vector<std::uint32_t> ids;
    const Scene scene = Built();
    for (std::size_t i = 1; i < scene.nodes.size(); ++i) ids.push_back(scene.nodes[i].guid.local);
    return ids;
  }
  static const Node& Find(const Scene& scene, std::uint32_t id) {
    for (const Node& node : scene.nodes) {
      if (node.guid == Id(id)) return node;
    }
    ADD_FAILURE() << "node " << id << " is not drawn";
    return scene.nodes[0];
  }

  Maker maker_;
  fig::Budget budget_;
};

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

class InstanceTest : public BuildTest {
 protected:
  // Symbol 20 with a box 21; symbol 30 with an instance 31 of 20.
  InstanceTest() {
    maker_.Add(2, NodeType::kCanvas, 0).internal_only = true;
    maker_.Add(20, NodeType::kSymbol, 2);
    maker_.Box(21, 20, 0, 0, 1, 1);
    maker_.Add(30, NodeType::kSymbol, 2);
    maker_.Add(31, NodeType::kInstance, 30).symbol = Of(20, {});
  }
  static std::shared_ptr<const fig::SymbolData> Of(std::uint32_t symbol, std::vector<fig::NodeChange> overrides) {
    auto data = std::make_shared<fig::SymbolData>();
    data->symbol_id = Id(symbol);
    data->overrides = std::move(overrides);
    return data;
  }
  static fig::NodeChange Colour(std::vector<fig::Guid> path, float r, float g, float b) {
    fig::NodeChange change;
    change.guid_path = std::move(path);
    change.fill_paints = {Maker::Solid(r, g, b)};
    return change;
  }
  fig::Colour BoxColour() { return Find(Built(), 21).fills.at(0).paints->at(0).colour; }
};

TEST_F(InstanceTest, AnInstanceShowsItsSymbolsChildrenChanged) {
  maker_.Add(10, NodeType::kInstance, 1).symbol = Of(20, {Colour({Id(21)}, 0, 1, 0)});
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 21).parent, 1U);
  EXPECT_EQ(Find(scene, 21).fills.at(0).paints->at(0).colour.g, 1);
}

TEST_F(InstanceTest, TheOverrideKeyNamesANodeBeforeItsGuid) {
  maker_.At(21).override_key = Id(99);
  maker_.Add(10, NodeType::kInstance, 1).symbol = Of(20, {Colour({Id(99)}, 0, 1, 0), Colour({Id(21)}, 0, 0, 1)});
  EXPECT_EQ(BoxColour().g, 1);
}

TEST_F(InstanceTest, OuterOverridesReachThroughAndWin) {
  maker_.At(31).symbol = Of(20, {Colour({Id(21)}, 0, 1, 0)});
  maker_.Add(10, NodeType::kInstance, 1).symbol = Of(30, {Colour({Id(31), Id(21)}, 0, 0, 1)});
  EXPECT_EQ(BoxColour().b, 1);
}

TEST_F(InstanceTest, DerivedDataIsAppliedBehindTheOverrides) {
  fig::NodeChange derived;
  derived.guid_path = {Id(21)};
  derived.size = fig::Vector{7, 8};
  fig::NodeChange& node = maker_.Add(10, NodeType::kInstance, 1);
  node.symbol = Of(20, {});
  node.derived_symbol = std::make_shared<std::vector<fig::NodeChange>>(1, derived);
  EXPECT_EQ(Find(Built(), 21).width, 7);
}

TEST_F(InstanceTest, ASwappedSymbolIsShown) {
  fig::NodeChange swap;
  swap.guid_path = {Id(31)};
  maker_.Add(40, NodeType::kSymbol, 2);
  maker_.Box(41, 40, 0, 0, 1, 1);
  swap.overridden_symbol = Id(40);
  maker_.Add(10, NodeType::kInstance, 1).symbol = Of(30, {swap});
  EXPECT_EQ(Drawn(), (std::vector<std::uint32_t>{10, 31, 41}));
}

TEST_F(InstanceTest, AnInstanceOfWhatItLiesInIsRefused) {
  maker_.Add(22, NodeType::kInstance, 20).symbol = Of(30, {});
  maker_.Add(10, NodeType::kInstance, 1).symbol = Of(20, {});
  EXPECT_EQ(Refused(), FaultClass::kGraph);
}

TEST_F(InstanceTest, ExpansionHasABudget) {
  // Each symbol holds two of the next: 2^20 nodes out of 60.
  for (std::uint32_t i = 0; i < 20; ++i) {
    maker_.Add(100 + i, NodeType::kSymbol, 2);
    for (std::uint32_t k = 0; k < 2; ++k) maker_.Add(200 + 2 * i + k, NodeType::kInstance, 100 + i).symbol = Of(101 + i, {});
  }
  maker_.Add(10, NodeType::kInstance, 1).symbol = Of(100, {});
  budget_.expanded_nodes = 10'000;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
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

TEST_F(BuildTest, ABoxOfCurvesIsThatOfTheCurves) {
  // The control points reach to y = -40, the curve to -30.
  fig::NodeChange& node = maker_.Add(10, NodeType::kVector, 1);
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  node.fill_geometry = {{fig::Winding::kNonZero, maker_.Blob({{1, 0, 0}, {4, 0, -40, 100, -40, 100, 0}, {0}}), 0}};
  const Rect region = Built().region;
  EXPECT_NEAR(region.y, -30, 1e-4);
  EXPECT_NEAR(region.height, 30, 1e-4);
}

TEST_F(BuildTest, TheRegionHoldsShadowsAndOuterStrokesAndWhatIsClippedAwayNot) {
  fig::NodeChange& frame = maker_.Add(10, NodeType::kFrame, 1);
  frame.size = fig::Vector{10, 10};
  maker_.Box(11, 10, 5, 5, 100, 100);
  EXPECT_NEAR(Built().region.width, 5, 1e-6);  // what is seen of the box
  fig::Effect shadow;
  shadow.type = fig::EffectType::kDropShadow;
  shadow.radius = 4;
  shadow.offset = {0, 2};
  maker_.At(10).effects = {shadow};
  const Rect region = Built().region;
  EXPECT_NEAR(region.x, 1, 1e-6);
  EXPECT_NEAR(region.y + region.height, 16, 1e-6);
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
  node.vector_data = fig::VectorData{maker_.Raw(blob), {1, 1}, {}};
  const Scene scene = Built();
  EXPECT_NEAR(scene.region.width, 20, 1e-5);
  EXPECT_NEAR(scene.region.height, 30, 1e-5);
  maker_.At(10).vector_data->network_blob = maker_.Raw(blob.substr(0, blob.size() - 1));
  EXPECT_EQ(Refused(), FaultClass::kGeometry);
}

}  // namespace
}  // namespace scene
