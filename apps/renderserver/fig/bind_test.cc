// That every row of the tables puts what the file says where it belongs.
#include "fig/bind_kinds.h"

#include <set>

#include "fig/testing.h"
#include "figgen/writing.h"

namespace fig {
namespace {

using figgen::List;
using figgen::Object;

Object GuidOf(unsigned session, unsigned local) { return Object().Set("sessionID", session).Set("localID", local); }
Object PathOf(const Object& guid) { return Object().Set("guids", List{guid}); }

class Bind : public testing::Test {
 protected:
  // The document of one node with these fields.
  const NodeChange& Node(Object fields) {
    fields.Set("guid", GuidOf(1, 2));
    const Object message = Object().Set("nodeChanges", List{fields});
    file_ = RawFile(figgen::EncodeSchema(figgen::OwnSchema()), figgen::Encode(figgen::OwnSchema(), "Message", message));
    Outcome<Document> outcome = Decode(BytesOf(file_), Budget{});
    EXPECT_TRUE(outcome.ok()) << outcome.fault().ToString();
    document_ = std::move(outcome.value());
    return document_.nodes.at(0);
  }

  std::string file_;
  Document document_;
};

// So that the samples and these tests can say whatever is read.
TEST(BindTables, EveryNameIsInTheSamplesSchema) {
  std::vector<const Kind*> left = {&KindOf<Message>()};
  std::set<const Kind*> seen;
  std::size_t rows = 0;
  while (!left.empty()) {
    const Kind& kind = *left.back();
    left.pop_back();
    if (!seen.insert(&kind).second) continue;
    const figgen::SchemaDefinition* definition = figgen::OwnSchema().Find(kind.name);
    ASSERT_NE(definition, nullptr) << kind.name;
    for (const Row& row : kind.rows) {
      EXPECT_NE(definition->Find(row.name), nullptr) << kind.name << "." << row.name;
      if (row.kind != nullptr) left.push_back(&row.kind());
      ++rows;
    }
  }
  EXPECT_EQ(seen.size(), 26u);
  EXPECT_GT(rows, 130u);
}

TEST_F(Bind, Node) {
  const NodeChange& node = Node(Object()
      .Set("parentIndex", Object().Set("guid", GuidOf(3, 4)).Set("position", " ~"))
      .Set("type", "STAR").Set("name", "a star").Set("visible", false).Set("internalOnly", true).Set("opacity", 0.25)
      .Set("blendMode", "LINEAR_BURN").Set("size", figgen::VectorOf(5, 6)).Set("transform", figgen::MatrixOf({1, 2, 3, 4, 5, 6}))
      .Set("sectionContentsHidden", true).Set("mask", true).Set("maskIsOutline", true).Set("maskType", "LUMINANCE")
      .Set("frameMaskDisabled", true).Set("resizeToFit", true).Set("fontSize", 12.5).Set("styleID", 77)
      .Set("overrideKey", GuidOf(5, 6)).Set("guidPath", PathOf(GuidOf(7, 8))));
  EXPECT_EQ(node.guid, (Guid{1, 2}));
  EXPECT_EQ(node.parent, (Guid{3, 4}));
  EXPECT_EQ(node.position, " ~");
  EXPECT_EQ(node.type, NodeType::kStar);
  EXPECT_EQ(node.name, "a star");
  EXPECT_EQ(node.visible, false);
  EXPECT_EQ(node.internal_only, true);
  EXPECT_EQ(node.opacity, 0.25f);
  EXPECT_EQ(node.blend, BlendMode::kLinearBurn);
  EXPECT_EQ(node.size->y, 6);
  EXPECT_EQ(node.transform->m01, 2);
  EXPECT_EQ(node.transform->m12, 6);
  EXPECT_EQ(node.section_contents_hidden, true);
  EXPECT_TRUE(node.mask == true && node.mask_is_outline == true && node.mask_type == MaskType::kLuminance);
  EXPECT_TRUE(node.frame_mask_disabled == true && node.resize_to_fit == true);
  EXPECT_EQ(node.font_size, 12.5f);
  EXPECT_EQ(node.style_id, 77u);
  EXPECT_EQ(node.override_key, (Guid{5, 6}));
  EXPECT_EQ(node.guid_path, (std::vector<Guid>{{7, 8}}));
}

TEST_F(Bind, WhatAFileDoesNotSayIsNotThere) {
  const NodeChange& node = Node(Object());
  EXPECT_FALSE(node.parent || node.type || node.name || node.visible || node.opacity || node.blend || node.size);
  EXPECT_FALSE(node.transform || node.fill_paints || node.effects || node.fill_geometry || node.vector_data);
  EXPECT_FALSE(node.text || node.derived_text || node.symbol || node.derived_symbol || node.generated);
  EXPECT_FALSE(node.fill_style || node.style_type || node.override_key || node.mask);
}

TEST_F(Bind, AnEmptyListIsThere) {
  const NodeChange& node = Node(Object().Set("fillPaints", List()).Set("derivedSymbolData", List()));
  ASSERT_TRUE(node.fill_paints.has_value());
  EXPECT_TRUE(node.fill_paints->empty());
  ASSERT_NE(node.derived_symbol, nullptr);
  EXPECT_TRUE(node.derived_symbol->empty());
}

TEST_F(Bind, ShapesAndStrokes) {
  const Object path = Object().Set("windingRule", "ODD").Set("commandsBlob", 3).Set("styleID", 4);
  const NodeChange& node = Node(Object()
      .Set("fillGeometry", List{path, Object()}).Set("strokeGeometry", List{path}).Set("strokeWeight", 2)
      .Set("strokeAlign", "OUTSIDE").Set("dashPattern", List{1, 2}).Set("cornerRadius", 1)
      .Set("rectangleTopLeftCornerRadius", 2).Set("rectangleTopRightCornerRadius", 3)
      .Set("rectangleBottomLeftCornerRadius", 4).Set("rectangleBottomRightCornerRadius", 5)
      .Set("rectangleCornerRadiiIndependent", true)
      .Set("vectorData", Object().Set("vectorNetworkBlob", 6).Set("normalizedSize", figgen::VectorOf(7, 8))
          .Set("styleOverrideTable", List{Object().Set("styleID", 4)})));
  ASSERT_EQ(node.fill_geometry->size(), 2u);
  EXPECT_EQ(node.fill_geometry->at(0).winding, Winding::kOdd);
  EXPECT_EQ(node.fill_geometry->at(0).blob, 3u);
  EXPECT_EQ(node.fill_geometry->at(0).style_id, 4u);
  EXPECT_EQ(node.fill_geometry->at(1).blob, 0xFFFFFFFFu) << "which is no blob of any document";
  EXPECT_EQ(node.stroke_geometry->size(), 1u);
  EXPECT_EQ(node.stroke_weight, 2.0f);
  EXPECT_EQ(node.stroke_align, StrokeAlign::kOutside);
  EXPECT_EQ(node.dash_pattern, (std::vector<float>{1, 2}));
  EXPECT_EQ(node.corner_radius, 1.0f);
  EXPECT_EQ(node.corner_top_left, 2.0f);
  EXPECT_EQ(node.corner_top_right, 3.0f);
  EXPECT_EQ(node.corner_bottom_left, 4.0f);
  EXPECT_EQ(node.corner_bottom_right, 5.0f);
  EXPECT_EQ(node.corners_independent, true);
  EXPECT_EQ(node.vector_data->network_blob, 6u);
  EXPECT_EQ(node.vector_data->normalized_size.y, 8);
  EXPECT_EQ(node.vector_data->styles.at(0).style_id, 4u);
}

TEST_F(Bind, Paints) {
  Object gradient = figgen::Linear({0, 0.5}, {1, 0.5}, {{0, figgen::Rgb(0xFF0000)}, {0.5, figgen::Rgb(0x0000FF, 0.5)}});
  gradient.Set("visible", false).Set("opacity", 0.5).Set("blendMode", "SCREEN").Set("color", figgen::ColourOf({1, 0.5, 0.25, 0.125}));
  Object image = figgen::ImageByHash(std::string("\x00\x01\xAB", 3) + std::string(17, '\xFF'), "TILE");
  image.Set("scale", 0.5).Set("rotation", 90).Set("originalImageWidth", 7).Set("originalImageHeight", 8);
  image.Set("paintFilter", Object().Set("tint", 1).Set("shadows", 2).Set("highlights", 3).Set("detail", 4).Set("exposure", 5)
      .Set("vignette", 6).Set("temperature", 7).Set("vibrance", 8).Set("contrast", 9).Set("brightness", 10).Set("saturation", 11));
  const NodeChange& node = Node(Object()
      .Set("fillPaints", List{gradient, image, figgen::ImageByBlob(9, "FIT"), Object().Set("type", "VIDEO")})
      .Set("strokePaints", List{figgen::Solid({})}).Set("backgroundPaints", List{figgen::Solid({}), figgen::Solid({})})
      .Set("backgroundColor", figgen::ColourOf({0, 0, 1, 1})).Set("backgroundOpacity", 0.5).Set("backgroundEnabled", false)
      .Set("containerSupportsFillStrokeAndCorners", true));
  ASSERT_EQ(node.fill_paints->size(), 4u);
  const Paint& first = node.fill_paints->at(0);
  EXPECT_EQ(first.type, PaintType::kGradientLinear);
  EXPECT_TRUE(!first.visible && first.opacity == 0.5f && first.blend == BlendMode::kScreen);
  EXPECT_TRUE(first.colour.r == 1 && first.colour.g == 0.5f && first.colour.b == 0.25f && first.colour.a == 0.125f);
  ASSERT_EQ(first.stops.size(), 2u);
  EXPECT_EQ(first.stops[1].position, 0.5f);
  EXPECT_EQ(first.stops[1].colour.a, 0.5f);
  const Paint& second = node.fill_paints->at(1);
  EXPECT_EQ(second.type, PaintType::kImage);
  EXPECT_EQ(second.image.hash, "0001ab" + std::string(34, 'f'));
  EXPECT_EQ(second.image.name, "sample");
  EXPECT_EQ(second.scale_mode, ImageScaleMode::kTile);
  EXPECT_TRUE(second.scale == 0.5f && second.rotation == 90 && second.original_width == 7 && second.original_height == 8);
  const PaintFilter& f = *second.filter;
  const float filter[] = {f.tint, f.shadows, f.highlights, f.detail, f.exposure, f.vignette, f.temperature, f.vibrance,
                          f.contrast, f.brightness, f.saturation};
  for (int i = 0; i < 11; ++i) EXPECT_EQ(filter[i], static_cast<float>(i + 1));
  EXPECT_EQ(node.fill_paints->at(2).image.blob, 9u);
  EXPECT_EQ(node.fill_paints->at(2).scale_mode, ImageScaleMode::kFit);
  EXPECT_EQ(node.fill_paints->at(3).type, PaintType::kOther);
  EXPECT_EQ(node.stroke_paints->size(), 1u);
  EXPECT_EQ(node.background_paints->size(), 2u);
  EXPECT_EQ(node.background_colour->b, 1);
  EXPECT_EQ(node.background_opacity, 0.5f);
  EXPECT_TRUE(node.background_enabled == false && node.container_supports_fill == true);
}

TEST_F(Bind, AHashOfAnotherLengthIsNone) {
  for (const std::size_t size : {0u, 19u, 21u, 100'000u}) {
    const NodeChange& node = Node(Object().Set("fillPaints", List{figgen::ImageByHash(std::string(size, 'x'), "FILL")}));
    EXPECT_EQ(node.fill_paints->at(0).image.hash, "");
  }
}

TEST_F(Bind, Effects) {
  Object shadow = figgen::Shadow("INNER_SHADOW", {0, 0, 0, 0.5}, {1, 2}, 3, 4);
  shadow.Set("visible", false).Set("blendMode", "MULTIPLY").Set("showShadowBehindNode", true);
  const NodeChange& node = Node(Object().Set("effects", List{shadow, Object().Set("type", "GRAIN")}));
  ASSERT_EQ(node.effects->size(), 2u);
  const Effect& effect = node.effects->at(0);
  EXPECT_EQ(effect.type, EffectType::kInnerShadow);
  EXPECT_TRUE(effect.colour.a == 0.5f && effect.offset.x == 1 && effect.offset.y == 2 && effect.radius == 3 && effect.spread == 4);
  EXPECT_TRUE(!effect.visible && effect.blend == BlendMode::kMultiply && effect.show_behind_node);
  EXPECT_EQ(node.effects->at(1).type, EffectType::kOther);
}

TEST_F(Bind, Texts) {
  const Object glyph = Object().Set("commandsBlob", 1).Set("position", figgen::VectorOf(2, 3)).Set("fontSize", 4)
      .Set("firstCharacter", 5).Set("styleID", 6).Set("rotation", 7);
  const Object rect = Object().Set("x", 1).Set("y", 2).Set("w", 3).Set("h", 4);
  const Object line = Object().Set("rects", List{rect}).Set("styleID", 8);
  const NodeChange& node = Node(Object()
      .Set("textData", Object().Set("characters", "abc").Set("characterStyleIDs", List{0, 300, 2})
          .Set("styleOverrideTable", List{Object().Set("styleID", 300).Set("fillPaints", List{figgen::Solid({})})})
          .Set("glyphs", List{glyph}).Set("decorations", List{line}))
      .Set("derivedTextData", Object().Set("layoutSize", figgen::VectorOf(9, 10)).Set("glyphs", List{Object(), glyph})
          .Set("decorations", List{line, line})));
  EXPECT_EQ(node.text->characters, "abc");
  EXPECT_EQ(node.text->character_style_ids, (std::vector<std::uint32_t>{0, 300, 2}));
  EXPECT_EQ(node.text->styles.at(0).style_id, 300u);
  EXPECT_EQ(node.text->styles.at(0).fill_paints->size(), 1u);
  const Glyph& old = node.text->glyphs.at(0);
  EXPECT_TRUE(old.blob == 1u && old.position.x == 2 && old.position.y == 3 && old.font_size == 4);
  EXPECT_TRUE(old.first_character == 5 && old.style_id == 6 && old.rotation == 7);
  EXPECT_EQ(node.text->decorations.at(0).rects.at(0), (std::array<float, 4>{1, 2, 3, 4}));
  EXPECT_EQ(node.text->decorations.at(0).style_id, 8u);
  EXPECT_FALSE(node.derived_text->glyphs.at(0).blob.has_value());
  EXPECT_EQ(node.derived_text->glyphs.at(1).blob, 1u);
  EXPECT_EQ(node.derived_text->decorations.size(), 2u);
  EXPECT_EQ(node.derived_text->layout_size->x, 9);
}

TEST_F(Bind, SymbolsAndInstances) {
  const Object change = Object().Set("guidPath", PathOf(GuidOf(5, 6))).Set("visible", false);
  const NodeChange& node = Node(Object()
      .Set("symbolData", Object().Set("symbolID", GuidOf(1, 9)).Set("symbolOverrides", List{change, change}).Set("uniformScaleFactor", 2))
      .Set("overriddenSymbolID", GuidOf(1, 10)).Set("derivedSymbolData", List{change})
      .Set("nodeGenerationData", Object().Set("overrides", List{change, change}))
      .Set("derivedImmutableFrameData", Object().Set("overrides", List{change, change, change})));
  EXPECT_EQ(node.symbol->symbol_id, (Guid{1, 9}));
  EXPECT_EQ(node.symbol->uniform_scale, 2);
  ASSERT_EQ(node.symbol->overrides.size(), 2u);
  EXPECT_EQ(node.symbol->overrides[1].guid_path, (std::vector<Guid>{{5, 6}}));
  EXPECT_EQ(node.symbol->overrides[1].visible, false);
  EXPECT_EQ(node.overridden_symbol, (Guid{1, 10}));
  EXPECT_EQ(node.derived_symbol->size(), 1u);
  EXPECT_EQ(node.generated->size(), 2u);
  EXPECT_EQ(node.derived_generated->size(), 3u);
  EXPECT_EQ(node.derived_generated->at(2).guid_path.size(), 1u);
}

TEST_F(Bind, SharedStyles) {
  const Object none = Object(), old = GuidOf(1, 5), fresh = Object().Set("guid", GuidOf(1, 6));
  EXPECT_EQ(Node(Object().Set("inheritFillStyleID", old)).fill_style, (Guid{1, 5}));
  EXPECT_EQ(Node(Object().Set("styleIdForFill", fresh)).fill_style, (Guid{1, 6}));
  EXPECT_EQ(Node(Object().Set("inheritFillStyleID", old).Set("styleIdForFill", fresh)).fill_style, (Guid{1, 6}));
  EXPECT_EQ(Node(Object().Set("styleIdForFill", fresh).Set("inheritFillStyleID", old)).fill_style, (Guid{1, 6}));
  EXPECT_EQ(Node(Object().Set("inheritFillStyleID", old).Set("styleIdForFill", none)).fill_style, (Guid{1, 5}));
  EXPECT_TRUE(Node(Object().Set("inheritFillStyleID", GuidOf(0xFFFFFFFF, 0xFFFFFFFF))).fill_style->null());
  const NodeChange& node = Node(Object().Set("inheritFillStyleIDForStroke", old).Set("inheritEffectStyleID", old)
      .Set("inheritFillStyleIDForBackground", old).Set("inheritTextStyleID", old));
  for (const auto& style : {node.stroke_style, node.effect_style, node.background_style, node.text_style}) {
    EXPECT_EQ(style, (Guid{1, 5}));
  }
  const NodeChange& newer = Node(Object().Set("styleIdForStrokeFill", fresh).Set("styleIdForEffect", fresh).Set("styleIdForText", fresh));
  for (const auto& style : {newer.stroke_style, newer.effect_style, newer.text_style}) EXPECT_EQ(style, (Guid{1, 6}));
  EXPECT_EQ(Node(Object().Set("styleType", "EFFECT")).style_type, "EFFECT");
  EXPECT_EQ(Node(Object().Set("styleType", "NONE")).style_type, std::nullopt);
}

TEST_F(Bind, ThumbnailOfTheDocument) {
  EXPECT_EQ(Node(Object().Set("thumbnailInfo", Object().Set("nodeID", GuidOf(3, 3)))).thumbnail_node, (Guid{3, 3}));
}

}  // namespace
}  // namespace fig
