#include <cmath>

#include "scene/testing.h"

namespace scene {
namespace {

using fig::FaultClass;
using fig::NodeType;
using testing::BuildTest;
using testing::Id;
using testing::Maker;

TEST_F(BuildTest, PaintsThatShowNothingAreLeftOut) {
  fig::Paint hidden = Maker::Solid(0, 1, 0), clear = Maker::Solid(0, 0, 1);
  hidden.visible = false;
  clear.opacity = 0;
  maker_.Box(10, 1, 0, 0, 4, 4).fill_paints = {hidden, Maker::Solid(1, 0, 0), clear};
  maker_.Box(11, 1, 0, 0, 4, 4).fill_paints = {hidden, clear};
  const Scene scene = Built();
  ASSERT_EQ(Find(scene, 10).fills.at(0).paints->size(), 1U);
  EXPECT_EQ(Find(scene, 10).fills[0].paints->at(0).colour.r, 1);
  EXPECT_TRUE(Find(scene, 11).fills.empty());
}

TEST_F(BuildTest, OldFramesHaveABackgroundOfTheirOwn) {
  const auto add = [&](std::uint32_t id) -> fig::NodeChange& {
    fig::NodeChange& node = maker_.Add(id, NodeType::kFrame, 1);
    node.size = fig::Vector{4, 4};
    node.background_colour = fig::Colour{0, 0, 1, 1};
    node.background_enabled = true;
    return node;
  };
  add(10).background_opacity = .5F;
  add(11).background_enabled = false;
  add(12).background_paints = {Maker::Solid(0, 1, 0)};
  add(13).fill_paints = {Maker::Solid(1, 0, 0)};
  add(14).container_supports_fill = true;
  add(15).fill_paints.emplace();
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 10).fills.at(0).paints->at(0).colour.b, 1);
  EXPECT_EQ(Find(scene, 10).fills.at(0).paints->at(0).opacity, .5F);
  EXPECT_TRUE(Find(scene, 11).fills.empty());
  EXPECT_EQ(Find(scene, 12).fills.at(0).paints->at(0).colour.g, 1);
  EXPECT_EQ(Find(scene, 13).fills.at(0).paints->at(0).colour.r, 1);
  EXPECT_TRUE(Find(scene, 14).fills.empty());
  EXPECT_TRUE(Find(scene, 15).fills.empty());
}

TEST_F(BuildTest, EveryKindOfStyleWins) {
  fig::NodeChange& fill = maker_.Box(5, 1, 0, 0, 1, 1);
  fill.style_type = "FILL";
  fill.fill_paints = {Maker::Solid(0, 1, 0)};
  fig::NodeChange& effect = maker_.Box(6, 1, 0, 0, 1, 1);
  effect.style_type = "EFFECT";
  effect.effects.emplace(1);
  effect.effects->at(0).type = fig::EffectType::kForegroundBlur;
  effect.effects->at(0).radius = 7;
  fig::NodeChange& node = maker_.Box(10, 1, 0, 0, 4, 4);
  node.stroke_paints = {Maker::Solid(1, 0, 0)};
  node.stroke_style = Id(5);
  node.effects.emplace();
  node.effect_style = Id(6);
  fig::NodeChange& frame = maker_.Add(11, NodeType::kFrame, 1);
  frame.size = fig::Vector{4, 4};
  frame.background_paints = {Maker::Solid(1, 0, 0)};
  frame.background_style = Id(5);
  maker_.Box(12, 1, 0, 0, 4, 4).fill_style = Id(999);  // a style of a library that is not in the file
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 10).strokes.at(0).paints->at(0).colour.g, 1);
  EXPECT_EQ(Find(scene, 10).effects.at(0).radius, 7);
  EXPECT_EQ(Find(scene, 11).fills.at(0).paints->at(0).colour.g, 1);
  EXPECT_EQ(Find(scene, 12).fills.at(0).paints->at(0).colour.r, 1);
}

TEST_F(BuildTest, ImagesAreFoundByHashOrBlob) {
  const auto image = [&](std::uint32_t id, const fig::ImageRef& ref) {
    fig::Paint paint;
    paint.type = PaintType::kImage;
    paint.image = ref;
    maker_.Box(id, 1, 0, 0, 4, 4).fill_paints = {paint};
  };
  maker_.document().images["abcd"] = fig::BytesOf("by hash");
  const std::uint32_t blob = maker_.Raw("by blob");
  image(10, {"abcd", {}, ""});
  image(11, {"", blob, ""});
  image(12, {"ef01", {}, ""});
  image(13, {"", 4711, ""});
  const Scene scene = Built();
  const auto paint = [&](std::uint32_t id) { return Find(scene, id).fills.at(0).paints->at(0); };
  EXPECT_EQ(paint(10).image.text(), "by hash");
  EXPECT_EQ(paint(11).image.text(), "by blob");
  EXPECT_NE(paint(10).image_key, paint(11).image_key);
  EXPECT_TRUE(paint(12).image.empty());
  EXPECT_TRUE(paint(13).image.empty());
}

TEST_F(BuildTest, GradientsAreSortedAndSaneWhateverTheFileSays) {
  fig::Paint paint;
  paint.type = PaintType::kGradientRadial;
  paint.stops = {{{2, 0, 0, 1}, 7}, {{0, NAN, 0, 1}, NAN}};
  fig::Paint flat = paint;
  flat.transform = {0, 0, 0, 0, 0, 0};
  maker_.Box(10, 1, 0, 0, 4, 4).fill_paints = {paint, flat};
  const Scene scene = Built();
  const PaintList& paints = *Find(scene, 10).fills.at(0).paints;
  EXPECT_EQ(paints.at(0).stops.at(0).position, 0);
  EXPECT_EQ(paints.at(0).stops.at(0).colour.g, 0);
  EXPECT_EQ(paints.at(0).stops.at(1).position, 1);
  EXPECT_EQ(paints.at(0).stops.at(1).colour.r, 1);
  EXPECT_EQ(paints.at(1).type, PaintType::kSolid) << "squeezed to nothing";
}

TEST_F(BuildTest, AGradientOnAFlatNodeCanBeInverted) {
  fig::Paint paint;
  paint.type = PaintType::kGradientLinear;
  paint.stops = {{{}, 0}, {{}, 1}};
  fig::NodeChange& line = maker_.Add(10, NodeType::kLine, 1);
  line.size = fig::Vector{20, 0};
  line.stroke_paints = {paint};
  const Scene scene = Built();
  Matrix inverse;
  EXPECT_TRUE(Invert(Find(scene, 10).strokes.at(0).paints->at(0).to_node, &inverse));
}

TEST_F(BuildTest, EffectsThatAreInvisibleOrUnknownAreLeftOut) {
  std::vector<fig::Effect> effects(3);
  effects[0].type = fig::EffectType::kDropShadow;
  effects[0].visible = false;
  effects[1].type = fig::EffectType::kInnerShadow;
  effects[1].offset = {3, 4};
  maker_.Box(10, 1, 0, 0, 4, 4).effects = effects;
  const Scene scene = Built();
  ASSERT_EQ(Find(scene, 10).effects.size(), 1U);
  EXPECT_EQ(Find(scene, 10).effects[0].type, Effect::Type::kInnerShadow);
  EXPECT_EQ(Find(scene, 10).effects[0].offset.y, 4);
  EXPECT_EQ(scene.remarks.size(), 1U);
}

TEST_F(BuildTest, MasksOfOldAndNewFiles) {
  for (const std::uint32_t id : {10U, 11U, 12U, 13U, 14U}) maker_.Box(id, 1, 0, 0, 4, 4).mask = id != 14;
  maker_.At(11).mask_is_outline = true;
  maker_.At(12).mask_type = fig::MaskType::kLuminance;
  maker_.At(13).mask_type = fig::MaskType::kAlpha;
  maker_.At(13).mask_is_outline = true;
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 10).mask, Mask::kAlpha);
  EXPECT_EQ(Find(scene, 11).mask, Mask::kOutline);
  EXPECT_EQ(Find(scene, 11).clip_shapes.size(), 1U);
  EXPECT_EQ(Find(scene, 12).mask, Mask::kLuminance);
  EXPECT_EQ(Find(scene, 13).mask, Mask::kAlpha) << "the newer field holds";
  EXPECT_EQ(Find(scene, 14).mask, Mask::kNone);
}

class TextTest : public BuildTest {
 protected:
  fig::Glyph GlyphAt(float x) {
    fig::Glyph glyph;
    glyph.blob = maker_.Blob({{1, 0, 0}, {2, 1, 0}, {2, 1, 1}, {0}});
    glyph.font_size = 10;
    glyph.position = {x, 20};
    return glyph;
  }
  fig::NodeChange& Text() {
    fig::NodeChange& node = maker_.Add(10, NodeType::kText, 1);
    node.fill_paints = {Maker::Solid(1, 0, 0)};
    return node;
  }
};

TEST_F(TextTest, OldFilesHaveTheirGlyphsInTheText) {
  auto text = std::make_shared<fig::TextData>();
  text->glyphs = {GlyphAt(1)};
  Text().text = text;
  const Scene scene = Built();
  ASSERT_EQ(Find(scene, 10).fills.size(), 1U);
  EXPECT_TRUE(Find(scene, 10).fills[0].glyph);
}

TEST_F(TextTest, DerivedGlyphsHoldWhereThereAreBoth) {
  auto text = std::make_shared<fig::TextData>();
  text->glyphs = {GlyphAt(1), GlyphAt(2)};
  auto derived = std::make_shared<fig::DerivedTextData>();
  derived->glyphs = {GlyphAt(5)};
  fig::NodeChange& node = Text();
  node.text = text;
  node.derived_text = derived;
  const Scene scene = Built();
  ASSERT_EQ(Find(scene, 10).fills.size(), 1U);
  EXPECT_EQ(Find(scene, 10).fills[0].to_node.x0, 5);
}

TEST_F(TextTest, AGlyphsOwnStyleComesBeforeThatOfItsCharacter) {
  auto text = std::make_shared<fig::TextData>();
  text->character_style_ids = {1};
  text->styles.resize(2);
  text->styles[0].style_id = 1;
  text->styles[0].fill_paints = {Maker::Solid(0, 1, 0)};
  text->styles[1].style_id = 2;
  text->styles[1].fill_style = Id(5);  // and a style may be a shared one
  fig::Glyph glyph = GlyphAt(1);
  glyph.style_id = 2;
  text->glyphs = {GlyphAt(0), glyph};
  fig::NodeChange& style = maker_.Box(5, 1, 0, 0, 1, 1);
  style.style_type = "FILL";
  style.fill_paints = {Maker::Solid(0, 0, 1)};
  Text().text = text;
  const Scene scene = Built();
  EXPECT_EQ(Find(scene, 10).fills.at(0).paints->at(0).colour.g, 1);
  EXPECT_EQ(Find(scene, 10).fills.at(1).paints->at(0).colour.b, 1);
}

TEST_F(TextTest, DecorationsAreRectangles) {
  auto derived = std::make_shared<fig::DerivedTextData>();
  derived->glyphs = {GlyphAt(0)};
  derived->decorations.resize(1);
  derived->decorations[0].rects = {{1, 22, 30, 2}, {NAN, 0, 1, 1}};
  Text().derived_text = derived;
  const Scene scene = Built();
  const auto& fills = Find(scene, 10).fills;
  ASSERT_EQ(fills.size(), 2U);
  EXPECT_FALSE(fills[1].glyph);
  EXPECT_EQ(fills[1].outline->bounds.y, 22);
  EXPECT_EQ(fills[1].outline->bounds.width, 30);
}

TEST_F(TextTest, AGlyphThatIsNowhereIsRefused) {
  auto text = std::make_shared<fig::TextData>();
  text->glyphs = {GlyphAt(INFINITY)};
  Text().text = text;
  EXPECT_EQ(Refused(), FaultClass::kGeometry);
}

}  // namespace
}  // namespace scene
