#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Id;
using testing::Maker;

TEST_F(BuildTest, ABooleanOperationOfNothingIsNothing) {
  maker_.Add(10, NodeType::kBooleanOperation, 1).fill_paints = {Maker::Solid(1, 0, 0)};
  maker_.Box(11, 10, 0, 0, 1, 1);
  EXPECT_EQ(Drawn(), std::vector<std::uint32_t>{10});
}

TEST_F(BuildTest, ASectionIsFilledAndDoesNotClip) {
  fig::NodeChange& section = maker_.Add(10, NodeType::kSection, 1);
  section.size = fig::Vector{10, 10};
  section.fill_paints = {Maker::Solid(1, 0, 0)};
  maker_.Box(11, 10, 5, 5, 10, 10);
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 10).fills.size(), 1U);
  EXPECT_FALSE(Find(scene, 10).clips);
  EXPECT_EQ(Find(scene, 11).parent, 1U);
  maker_.At(10).section_contents_hidden = true;
  EXPECT_EQ(Drawn(), std::vector<std::uint32_t>{10});
}

TEST_F(BuildTest, StampsConnectorsAndStickiesShowTheirOutline) {
  for (const auto& [id, type] : {std::pair{10U, NodeType::kStamp}, {11U, NodeType::kConnector}, {12U, NodeType::kSticky}}) {
    fig::NodeChange& node = maker_.Add(id, type, 1);
    node.fill_paints = {Maker::Solid(1, 0, 0)};
    node.fill_geometry = {{fig::Winding::kNonZero, maker_.Blob({{1, 0, 0}, {2, 4, 0}, {2, 4, 4}, {0}}), 0}};
  }
  const Scene scene = Built();
  for (const std::uint32_t id : {10U, 11U, 12U}) EXPECT_EQ(Find(scene, id).fills.size(), 1U) << id;
}

TEST_F(BuildTest, AShapeWithTextIsWhatWasGeneratedForIt) {
  const std::uint32_t blob = maker_.Blob({{1, 0, 0}, {2, 1, 0}, {2, 1, 1}, {0}});
  std::vector<fig::NodeChange> parts(2), derived(2);
  parts[0].guid_path = {Id(1), Id(7)};
  parts[0].fill_paints = {Maker::Solid(1, 0, 0)};
  parts[1].guid_path = {Id(1), Id(8)};
  parts[1].fill_paints = {Maker::Solid(0, 0, 1)};
  parts[1].text = std::make_shared<fig::TextData>();
  derived[0].guid_path = {Id(1), Id(8)};  // by their paths, not by their places
  auto glyphs = std::make_shared<fig::DerivedTextData>();
  glyphs->glyphs.resize(1);
  glyphs->glyphs[0].blob = blob;
  glyphs->glyphs[0].font_size = 10;
  derived[0].derived_text = glyphs;
  derived[0].transform = fig::Matrix{1, 0, 3, 0, 1, 4};
  derived[1].guid_path = {Id(1), Id(7)};
  derived[1].fill_geometry = {{fig::Winding::kNonZero, blob, 0}};
  fig::NodeChange& node = maker_.Add(10, NodeType::kShapeWithText, 1);
  node.size = fig::Vector{20, 10};
  node.generated = std::make_shared<std::vector<fig::NodeChange>>(parts);
  node.derived_generated = std::make_shared<std::vector<fig::NodeChange>>(derived);
  const Scene scene = Built();
  ASSERT_EQ(scene.nodes.size(), 4U);
  EXPECT_EQ(scene.nodes[2].fills.at(0).paints->at(0).colour.r, 1) << "the shape first";
  EXPECT_EQ(scene.nodes[2].width, 20);
  EXPECT_EQ(scene.nodes[3].type, NodeType::kText);
  EXPECT_TRUE(scene.nodes[3].fills.at(0).glyph);
  EXPECT_EQ(scene.nodes[3].transform.x0, 3);
}

// ---- pages ----------------------------------------------------------------------------------------

TEST_F(BuildTest, TheFirstPageIsTheFirstByPosition) {
  maker_.At(1).position = "b";
  maker_.Box(10, 1, 0, 0, 1, 1);
  maker_.Add(2, NodeType::kCanvas, 0).position = "a";
  maker_.Box(20, 2, 0, 0, 1, 1);
  EXPECT_EQ(Drawn(), std::vector<std::uint32_t>{20});
}

TEST_F(BuildTest, AFilesThumbnailMayBeOfANode) {
  maker_.Box(10, 1, 0, 0, 1, 1);
  maker_.Box(11, 1, 0, 0, 1, 1);
  maker_.At(0).thumbnail_node = Id(11);
  EXPECT_EQ(Drawn(), std::vector<std::uint32_t>{11});
  maker_.At(0).thumbnail_node = Id(4711);  // not there: the page
  EXPECT_EQ(Drawn().size(), 2U);
}

class DeckTest : public BuildTest {
 protected:
  DeckTest() {
    maker_.document().kind = fig::FileKind::kDeck;
    maker_.Add(2, NodeType::kSlideGrid, 1);
    maker_.Add(3, NodeType::kSlideRow, 2);
    for (const std::uint32_t id : {10U, 11U}) {
      fig::NodeChange& slide = maker_.Add(id, NodeType::kSlide, 3);
      slide.size = fig::Vector{1920, 1080};
      slide.transform = fig::Matrix{1, 0, static_cast<float>(id * 2000), 0, 1, 240};
      maker_.Box(id + 10, id, -50, 0, 10, 10);
    }
    maker_.At(11).name = "Last";
  }
};

TEST_F(DeckTest, PagesAreSlidesAndShownWhole) {
  const Scene scene = Built({Selection::Kind::kPage, "2"});
  EXPECT_EQ(scene.nodes.at(1).guid, Id(11));
  EXPECT_EQ(scene.region.x, 22'000);
  EXPECT_EQ(scene.region.width, 1920);
  EXPECT_EQ(scene.region.height, 1080);
  EXPECT_EQ(Built({Selection::Kind::kPage, "Last"}).nodes.at(1).guid, Id(11));
  EXPECT_EQ(Refused({Selection::Kind::kPage, "3"}), FaultClass::kNotFound);
}

// Figma's editor shows slides with one, its thumbnails and exports do not.
TEST_F(DeckTest, SlidesHaveNoShadow) {
  for (const std::uint32_t id : {10U, 20U}) {
    maker_.At(id).effects.emplace(1);
    maker_.At(id).effects->at(0).type = fig::EffectType::kDropShadow;
  }
  const Scene scene = Built();
  EXPECT_TRUE(Find(scene, 10).effects.empty());
  EXPECT_EQ(Find(scene, 20).effects.size(), 1U);
}

TEST_F(DeckTest, TheThumbnailShowsAll) { EXPECT_EQ(Drawn(), (std::vector<std::uint32_t>{2, 3, 10, 20, 11, 21})); }

TEST_F(DeckTest, SlidesAreListed) {
  std::vector<std::uint32_t> ids;
  for (const Entry& entry : List(maker_.document())) {
    ids.push_back(entry.guid.local);
    EXPECT_EQ(entry.page, Id(1));
  }
  EXPECT_EQ(ids, (std::vector<std::uint32_t>{1, 10, 11, 2}));
}

TEST_F(BuildTest, AListHasPagesAndWhatIsDirectlyInThem) {
  maker_.Box(10, 1, 0, 0, 7, 8).name = "Button";
  maker_.Box(11, 10, 0, 0, 1, 1);
  maker_.Add(2, NodeType::kCanvas, 0).internal_only = true;
  const std::vector<Entry> entries = List(maker_.document());
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[1].name, "Button");
  EXPECT_EQ(entries[1].height, 8);
}

}  // namespace
}  // namespace scene
