// Small files that say "and all of that again": each way to do so ends in a budget, and soon.
#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Id;
using testing::Maker;

class CostTest : public BuildTest {
 protected:
  // A chain of symbols, each with `width` instances of the next. The last one's children are what the
  // test puts into symbol kLeaf.
  static constexpr std::uint32_t kLeaf = 100;
  void Chain(std::uint32_t length, std::uint32_t width) {
    maker_.Add(2, NodeType::kCanvas, 0).internal_only = true;
    std::uint32_t id = 1000;
    for (std::uint32_t i = 0; i <= length; ++i) {
      maker_.Add(kLeaf + i, NodeType::kSymbol, 2);
      for (std::uint32_t k = 0; i > 0 && k < width; ++k) maker_.Add(id++, NodeType::kInstance, kLeaf + i).symbol = Of(kLeaf + i - 1);
    }
    maker_.Add(10, NodeType::kInstance, 1).symbol = Of(kLeaf + length);
  }
  static std::shared_ptr<fig::SymbolData> Of(std::uint32_t symbol) {
    auto data = std::make_shared<fig::SymbolData>();
    data->symbol_id = Id(symbol);
    return data;
  }
};

TEST_F(CostTest, HiddenNodesCountAsOften) {
  Chain(4, 10);
  for (std::uint32_t i = 0; i < 50; ++i) maker_.Add(500 + i, NodeType::kFrame, kLeaf).visible = false;
  budget_.expanded_nodes = 100'000;  // 11,000 instances, 500,000 hidden frames
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, GlyphsCountAsOften) {
  Chain(3, 10);
  auto text = std::make_shared<fig::TextData>();
  text->glyphs.resize(10'000);
  const std::uint32_t blob = maker_.Blob({{1, 0, 0}, {2, 1, 0}, {2, 1, 1}, {0}});
  for (fig::Glyph& glyph : text->glyphs) {
    glyph.blob = blob;
    glyph.font_size = 1;
  }
  fig::NodeChange& node = maker_.Add(500, NodeType::kText, kLeaf);
  node.text = text;
  node.fill_paints = {Maker::Solid(1, 0, 0)};
  budget_.scene_bytes = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, CommandsCountAsOftenAsTheyAreDrawn) {
  Chain(3, 10);
  std::vector<std::vector<float>> commands = {{1, 0, 0}};
  for (int i = 0; i < 10'000; ++i) commands.push_back({2, static_cast<float>(i), 1});
  maker_.Box(500, kLeaf, 0, 0, 1, 1).fill_geometry = {{fig::Winding::kOdd, maker_.Blob(commands), 0}};
  budget_.drawn_commands = 1'000'000;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, PaintsCountAsOften) {
  Chain(3, 10);
  maker_.Box(500, kLeaf, 0, 0, 1, 1).fill_paints = std::vector<fig::Paint>(1'000, Maker::Solid(1, 0, 0));
  budget_.scene_bytes = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, PaintsThatShowNothingAreLookedAtAllTheSame) {
  Chain(3, 10);
  std::vector<fig::Paint> paints(1'000);
  for (fig::Paint& paint : paints) paint.visible = false;
  maker_.Box(500, kLeaf, 0, 0, 1, 1).fill_paints = paints;
  budget_.scene_work = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, NamesCountAsOften) {
  Chain(3, 10);
  maker_.Box(500, kLeaf, 0, 0, 1, 1).name = std::string(100'000, 'x');
  budget_.scene_bytes = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, OverridesCountAsOften) {
  Chain(3, 10);
  auto data = Of(200);
  data->overrides.resize(10'000);
  for (fig::NodeChange& change : data->overrides) change.guid_path = {Id(4711)};
  maker_.Add(200, NodeType::kSymbol, 2);
  maker_.Add(500, NodeType::kInstance, kLeaf).symbol = data;
  budget_.scene_bytes = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, ChangedCopiesCountAsOften) {
  Chain(3, 10);
  fig::NodeChange change;
  change.guid_path = {Id(500)};
  change.opacity = .5F;
  auto data = Of(kLeaf);
  data->overrides.assign(10, change);
  maker_.Box(500, kLeaf, 0, 0, 1, 1).fill_geometry = std::vector<fig::Path>(10'000);
  for (std::uint32_t k = 0; k < 10; ++k) maker_.At(1000 + k).symbol = data;
  budget_.scene_work = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, LookingForStylesCounts) {
  auto data = std::make_shared<fig::VectorData>();
  data->styles.resize(1'000);
  fig::NodeChange& node = maker_.Box(10, 1, 0, 0, 1, 1);
  node.vector_data = data;
  node.fill_geometry = std::vector<fig::Path>(1'000);
  for (fig::Path& path : *node.fill_geometry) path = {fig::Winding::kOdd, 0, 7};
  maker_.Blob({{1, 0, 0}, {2, 1, 0}});
  budget_.scene_work = 8 << 20;
  EXPECT_EQ(Refused(), FaultClass::kBudget);
}

TEST_F(CostTest, PlacesBeyondAnyCanvasAreRefusedThoughEveryStepIsSmall) {
  for (std::uint32_t id = 10; id < 20; ++id) {
    maker_.Add(id, NodeType::kFrame, id == 10 ? 1 : id - 1).transform = fig::Matrix{1e3F, 0, 0, 0, 1e3F, 0};
  }
  EXPECT_EQ(Refused(), FaultClass::kGeometry);
  EXPECT_EQ(Refused({Selection::Kind::kNode, "1:19"}), FaultClass::kGeometry);
}

}  // namespace
}  // namespace scene
