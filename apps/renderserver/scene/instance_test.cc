#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Id;
using testing::Maker;

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

}  // namespace
}  // namespace scene
