// A decoded design file: the nodes with the fields that are drawn, bound by name to the file's own
// schema. Nothing is resolved yet: styles, instances and defaults are scene/build.h's business.
//
// Ownership: a Document owns everything it refers to. Threads: const access from any number.
// Units: design pixels in the node's parent; colours straight alpha, 0..1; angles in degrees.
// Numbers are as the file has them: NaN and infinity included.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fig/budget.h"
#include "fig/bytes.h"
#include "fig/fault.h"

namespace fig {

// Has an order and on purpose no hash: a file picks its own guids, and would pick those that collide.
struct Guid {
  static constexpr std::uint32_t kNullSession = 0xFFFFFFFF;
  std::uint32_t session = kNullSession;
  std::uint32_t local = kNullSession;

  bool null() const { return session == kNullSession; }
  friend bool operator==(const Guid&, const Guid&) = default;
  friend auto operator<=>(const Guid&, const Guid&) = default;
};
struct Vector {
  float x = 0, y = 0;
};
struct Matrix {  // x' = m00 x + m01 y + m02
  float m00 = 1, m01 = 0, m02 = 0, m10 = 0, m11 = 1, m12 = 0;
};
struct Colour {
  float r = 0, g = 0, b = 0, a = 1;
};

enum class NodeType : std::uint8_t {
  kUnknown, kDocument, kCanvas, kFrame, kSymbol, kInstance, kRectangle, kRoundedRectangle, kEllipse,
  kLine, kStar, kRegularPolygon, kVector, kBooleanOperation, kText, kSection, kSlice,
  kShapeWithText, kConnector, kStamp, kSticky, kWidget, kModule, kSlide, kSlideRow, kSlideGrid, kVariable,
  kVariableSet, kOther,
};
const char* Word(NodeType type);  // as the format calls it: "FRAME"; "OTHER" for what has no name here
enum class BlendMode : std::uint8_t {
  kPassThrough, kNormal, kDarken, kMultiply, kLinearBurn, kColorBurn, kLighten, kScreen, kLinearDodge,
  kColorDodge, kOverlay, kSoftLight, kHardLight, kDifference, kExclusion, kHue, kSaturation, kColor,
  kLuminosity,
};
enum class PaintType : std::uint8_t {
  kSolid, kGradientLinear, kGradientRadial, kGradientAngular, kGradientDiamond, kImage, kEmoji, kOther,
};
enum class ImageScaleMode : std::uint8_t { kStretch, kFit, kFill, kTile };
enum class EffectType : std::uint8_t { kInnerShadow, kDropShadow, kForegroundBlur, kBackgroundBlur, kOther };
enum class MaskType : std::uint8_t { kAlpha, kOutline, kLuminance };
enum class StrokeAlign : std::uint8_t { kCenter, kInside, kOutside };
enum class Winding : std::uint8_t { kNonZero, kOdd };

struct ColourStop {
  Colour colour;
  float position = 0;
};

// Which bytes an image paint shows: an entry images/<hash>, or a blob of a raw file.
struct ImageRef {
  std::string hash;                 // 40 hex digits, "" when none
  std::optional<std::uint32_t> blob;
  std::string name;                 // as the designer called it
};

struct PaintFilter {  // colour adjustments, -1..1 each
  float tint = 0, shadows = 0, highlights = 0, detail = 0, exposure = 0, vignette = 0, temperature = 0,
        vibrance = 0, contrast = 0, brightness = 0, saturation = 0;
};

struct Paint {
  PaintType type = PaintType::kSolid;
  Colour colour;
  float opacity = 1;
  bool visible = true;
  BlendMode blend = BlendMode::kNormal;
  std::vector<ColourStop> stops;
  Matrix transform;  // node's unit square -> gradient or image space
  ImageRef image;
  ImageScaleMode scale_mode = ImageScaleMode::kFill;
  float scale = 1;
  float rotation = 0;
  std::uint32_t original_width = 0, original_height = 0;
  std::optional<PaintFilter> filter;
};

struct Effect {
  EffectType type = EffectType::kOther;
  Colour colour;
  Vector offset;
  float radius = 0;
  float spread = 0;
  bool visible = true;
  BlendMode blend = BlendMode::kNormal;
  bool show_behind_node = false;
};

struct Path {
  Winding winding = Winding::kNonZero;
  std::uint32_t blob = 0xFFFFFFFF;  // Document::blobs; the largest number when the file names none
  std::uint32_t style_id = 0;       // into VectorData::styles, 0: the node's own paints
};

struct Glyph {
  std::optional<std::uint32_t> blob;
  Vector position;
  float font_size = 0;
  std::uint32_t first_character = 0;
  std::uint32_t style_id = 0;
  float rotation = 0;
};

struct Decoration {
  std::vector<std::array<float, 4>> rects;  // x y w h
  std::uint32_t style_id = 0;
};

struct NodeChange;

struct TextData {
  std::string characters;  // UTF-8, as the file has it
  std::vector<std::uint32_t> character_style_ids;
  std::vector<NodeChange> styles;  // keyed by NodeChange::style_id
  std::vector<Glyph> glyphs;       // old files
  std::vector<Decoration> decorations;
};
struct DerivedTextData {
  std::vector<Glyph> glyphs;
  std::vector<Decoration> decorations;
  std::optional<Vector> layout_size;
};
struct VectorData {
  std::optional<std::uint32_t> network_blob;
  Vector normalized_size;
  std::vector<NodeChange> styles;  // keyed by NodeChange::style_id
};
struct SymbolData {
  std::optional<Guid> symbol_id;
  std::vector<NodeChange> overrides;  // each with a guid_path
  float uniform_scale = 1;            // read and not used: sizes are derived
};

// A node, or the part of one that an override names: a field is there when the file has it.
struct NodeChange {
  std::uint64_t offset = ~std::uint64_t{0};  // of its first byte in the message, for faults
  std::optional<Guid> guid;
  std::optional<Guid> parent;
  std::string position;             // among its siblings, compared as bytes
  bool removed = false;
  std::optional<NodeType> type;
  std::optional<std::string> name;  // UTF-8, unchecked
  std::optional<bool> visible;
  std::optional<bool> internal_only;
  std::optional<bool> section_contents_hidden;
  std::optional<float> opacity;
  std::optional<BlendMode> blend;
  std::optional<Vector> size;
  std::optional<Matrix> transform;

  std::optional<std::vector<Paint>> fill_paints;
  std::optional<std::vector<Paint>> stroke_paints;
  std::optional<std::vector<Paint>> background_paints;
  std::optional<Colour> background_colour;
  std::optional<float> background_opacity;
  std::optional<bool> background_enabled;
  std::optional<bool> container_supports_fill;  // containerSupportsFillStrokeAndCorners
  std::optional<std::vector<Effect>> effects;

  std::optional<float> stroke_weight;
  std::optional<StrokeAlign> stroke_align;
  std::optional<std::vector<float>> dash_pattern;
  std::optional<float> corner_radius;
  std::optional<float> corner_top_left, corner_top_right, corner_bottom_left, corner_bottom_right;
  std::optional<bool> corners_independent;
  std::optional<std::vector<Path>> fill_geometry;
  std::optional<std::vector<Path>> stroke_geometry;
  std::shared_ptr<const VectorData> vector_data;

  std::optional<bool> mask;
  std::optional<bool> mask_is_outline;  // old files
  std::optional<MaskType> mask_type;
  std::optional<bool> frame_mask_disabled;
  std::optional<bool> resize_to_fit;  // a group

  // Shared styles; a null Guid means none. These win over inline paints, which can be stale.
  std::optional<std::string> style_type;  // this node is one: FILL, TEXT, EFFECT, GRID
  std::optional<Guid> fill_style, stroke_style, effect_style, background_style, text_style;

  std::shared_ptr<const TextData> text;
  std::shared_ptr<const DerivedTextData> derived_text;
  std::optional<float> font_size;

  std::shared_ptr<const SymbolData> symbol;
  std::optional<Guid> overridden_symbol;  // overriddenSymbolID
  std::optional<Guid> override_key;
  std::shared_ptr<const std::vector<NodeChange>> derived_symbol;  // each with a guid_path

  // SHAPE_WITH_TEXT: nodeGenerationData.overrides, and derivedImmutableFrameData.overrides.
  std::shared_ptr<const std::vector<NodeChange>> generated;
  std::shared_ptr<const std::vector<NodeChange>> derived_generated;

  std::optional<Guid> thumbnail_node;  // DOCUMENT: thumbnailInfo.nodeID
  std::vector<Guid> guid_path;         // overrides: whom it changes
  std::uint32_t style_id = 0;          // entries of a style table
};

enum class FileKind : std::uint8_t { kDesign, kJam, kDeck };

// client_meta of meta.json: what the file's own thumbnail shows.
struct Meta {
  std::optional<Colour> background;
  std::optional<std::array<double, 4>> render_coordinates;  // x y width height
  std::optional<std::array<double, 2>> thumbnail_size;
};

struct Document {
  FileKind kind = FileKind::kDesign;
  bool zipped = false;
  std::uint32_t version = 0;
  std::size_t schema_definitions = 0;
  std::string file_name;
  Meta meta;
  std::vector<NodeChange> nodes;  // in file order, without the removed ones
  std::map<Guid, std::uint32_t> by_guid;  // index into nodes
  std::vector<Bytes> blobs;
  std::map<std::string, Bytes> images;  // by hash; still encoded
  Bytes thumbnail;                      // PNG, empty when none
  std::shared_ptr<const Storage> storage;  // of what is not a view into the input
};

// Decodes a whole file. `input` must outlive the Document (it is not copied).
Outcome<Document> Decode(Bytes input, const Budget& budget);

}  // namespace fig
