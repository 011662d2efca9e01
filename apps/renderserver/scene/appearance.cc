#include "scene/appearance.h"

#include <algorithm>
#include <cmath>

#include "scene/network.h"
#include "scene/pen.h"

namespace scene {
namespace {

using fig::NodeChange;
using fig::NodeType;
using fig::Nothing;

constexpr std::uint32_t kNoBlob = fig::Path{}.blob;

template <typename T>
const T* Get(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

Mask MaskOf(const NodeChange& node) {
  if (!node.mask.value_or(false)) return Mask::kNone;
  if (!node.mask_type) return node.mask_is_outline.value_or(false) ? Mask::kOutline : Mask::kAlpha;
  switch (*node.mask_type) {
    case fig::MaskType::kOutline: return Mask::kOutline;
    case fig::MaskType::kLuminance: return Mask::kLuminance;
    case fig::MaskType::kAlpha: break;
  }
  return Mask::kAlpha;
}

// `text.characters` are UTF-8, and `first_character` counts what JavaScript counts: the style ids have
// an entry for each of those, so that no text needs to be looked at.
std::uint32_t StyleOf(const fig::Glyph& glyph, const fig::TextData* text) {
  if (glyph.style_id != 0 || text == nullptr) return glyph.style_id;
  const auto& ids = text->character_style_ids;
  return glyph.first_character < ids.size() ? ids[glyph.first_character] : 0;
}

}  // namespace

bool IsGroup(const NodeChange& node) {
  if (node.type != NodeType::kFrame || !node.resize_to_fit.value_or(false)) return false;
  return !node.fill_paints || !AnyVisible(*node.fill_paints);
}

const NodeChange* Appearance::Style(const std::optional<fig::Guid>& style) const {
  if (!style || style->null()) return nullptr;
  const auto found = document_.by_guid.find(*style);
  return found == document_.by_guid.end() ? nullptr : &document_.nodes[found->second];
}

const std::vector<fig::Paint>* Appearance::FillPaints(const NodeChange& node) const {
  const NodeChange* style = Style(node.fill_style);
  return style != nullptr && style->fill_paints ? &*style->fill_paints : Get(node.fill_paints);
}

// A stroke's style is a style of fills.
const std::vector<fig::Paint>* Appearance::StrokePaints(const NodeChange& node) const {
  const NodeChange* style = Style(node.stroke_style);
  return style != nullptr && style->fill_paints ? &*style->fill_paints : Get(node.stroke_paints);
}

const std::vector<fig::Effect>* Appearance::Effects(const NodeChange& node) const {
  const NodeChange* style = Style(node.effect_style);
  return style != nullptr && style->effects ? &*style->effects : Get(node.effects);
}

// Frames of old files: a list of their own, or one colour.
std::vector<fig::Paint> Appearance::Background(const NodeChange& node) const {
  const NodeChange* style = Style(node.background_style);
  if (style != nullptr && style->fill_paints) return *style->fill_paints;
  if (node.background_paints) return *node.background_paints;
  if (!node.background_enabled.value_or(false) || !node.background_colour) return {};
  fig::Paint paint;
  paint.colour = *node.background_colour;
  paint.opacity = node.background_opacity.value_or(1);
  return {paint};
}

fig::Outcome<const PaintList*> Appearance::Keep(const std::vector<fig::Paint>& paints) {
  FIG_TRY(meter_.Work(CostOf(paints)));
  PaintList list = Convert(paints, size_, document_, remarks_);
  std::uint64_t bytes = sizeof(PaintList);
  for (const Paint& paint : list) bytes += sizeof(paint) + paint.stops.size() * sizeof(ColourStop) + paint.image_key.size();
  FIG_TRY(meter_.Keep(bytes));
  scene_.paints.push_back(std::move(list));
  return &scene_.paints.back();
}

fig::Outcome<bool> Appearance::Shows(const std::vector<fig::Paint>* paints) {
  if (paints == nullptr) return false;
  FIG_TRY(meter_.Work(paints->size() * sizeof(fig::Paint)));
  return AnyVisible(*paints);
}

fig::Outcome<const NodeChange*> Appearance::Find(const std::vector<NodeChange>& styles, std::uint32_t id) {
  constexpr std::uint64_t kCacheLine = 64;
  FIG_TRY(meter_.Work(styles.size() * kCacheLine));
  const auto found = std::find_if(styles.begin(), styles.end(), [id](const NodeChange& style) { return style.style_id == id; });
  return found == styles.end() ? nullptr : &*found;
}

fig::Check Appearance::Add(const Shape& shape, Shapes& to) {
  if (shape.outline == nullptr || shape.outline->commands.empty()) return Nothing{};
  FIG_TRY(meter_.Keep(sizeof(Shape)));
  if (shape.paints != nullptr) FIG_TRY(meter_.DrawCommands(shape.outline->commands.size()));
  to.push_back(shape);
  return Nothing{};
}

// ---- areas ----------------------------------------------------------------------------------------

// A style that does not speak of paints leaves those of the node.
fig::Outcome<const PaintList*> Appearance::StyledPaints(const fig::VectorData& data, std::uint32_t style_id, const PaintList* otherwise) {
  if (style_id == 0 || otherwise == nullptr) return otherwise;
  const NodeChange* style = FIG_TRY(Find(data.styles, style_id));
  const std::vector<fig::Paint>* own = style == nullptr ? nullptr : FillPaints(*style);
  return own == nullptr ? otherwise : Keep(*own);
}

fig::Outcome<Appearance::Shapes> Appearance::FromPaths(const std::vector<fig::Path>& paths, const NodeChange& node, const PaintList* paints) {
  Shapes shapes;
  for (const fig::Path& path : paths) {
    if (path.blob == kNoBlob) continue;
    const Outline* outline = FIG_TRY(outlines_.FromBlob(path.blob));
    const PaintList* own = node.vector_data ? FIG_TRY(StyledPaints(*node.vector_data, path.style_id, paints)) : paints;
    FIG_TRY(Add({outline, path.winding, {}, own, false}, shapes));
  }
  return shapes;
}

fig::Outcome<Appearance::Shapes> Appearance::AreaOfNetwork(const fig::VectorData& data, const PaintList* paints) {
  const std::uint32_t blob = *data.network_blob;
  const std::string where = "blob " + std::to_string(blob);
  if (blob >= document_.blobs.size()) return BadBlob(where, fig::Fault::kNowhere, "there is no such blob");
  FIG_TRY(meter_.Work(document_.blobs[blob].size));
  const auto factor = [](double size, double normalized) { return IsSane(normalized) && normalized > 0 ? size / normalized : 1; };
  const Point scale{factor(size_.width, data.normalized_size.x), factor(size_.height, data.normalized_size.y)};
  Shapes shapes;
  for (NetworkRegion& region : FIG_TRY(ParseNetwork(document_.blobs[blob], where, scale, budget_))) {
    const PaintList* own = FIG_TRY(StyledPaints(data, region.style_id, paints));
    const Outline* outline = FIG_TRY(outlines_.Keep(std::move(region.outline)));
    FIG_TRY(Add({outline, region.winding, {}, own, false}, shapes));
  }
  return shapes;
}

fig::Outcome<Appearance::Shapes> Appearance::Area(const NodeChange& node, const PaintList* paints) {
  if (node.fill_geometry && !node.fill_geometry->empty()) return FromPaths(*node.fill_geometry, node, paints);
  Shapes shapes;
  const Outline* outline = FIG_TRY(AreaStandIn(node, size_, outlines_));
  if (outline == nullptr && node.vector_data && node.vector_data->network_blob) return AreaOfNetwork(*node.vector_data, paints);
  FIG_TRY(Add({outline, Winding::kNonZero, {}, paints, false}, shapes));
  return shapes;
}

fig::Check Appearance::DrawFills(const NodeChange& node, Node& to) {
  const std::vector<fig::Paint>* paints = FillPaints(node);
  std::vector<fig::Paint> background;
  if (IsContainer(to.type) && paints == nullptr && !node.container_supports_fill.value_or(false)) {
    background = Background(node);
    paints = &background;
  }
  if (!FIG_TRY(Shows(paints))) return Nothing{};
  const PaintList* kept = FIG_TRY(Keep(*paints));
  if (!kept->empty()) to.fills = FIG_TRY(Area(node, kept));
  return Nothing{};
}

// ---- strokes --------------------------------------------------------------------------------------

fig::Check Appearance::StandInForStrokes(const NodeChange& node, const PaintList* paints, Node& to) {
  if (!(node.stroke_weight.value_or(1) > 0)) return Nothing{};
  const Outline* outline = FIG_TRY(StrokeStandIn(node, size_, outlines_));
  if (outline == nullptr) remarks_.Add("a stroke whose outline is not in the file is not drawn");
  if (outline != nullptr && node.dash_pattern && !node.dash_pattern->empty()) {
    remarks_.Add("a dashed stroke whose outline is not in the file is drawn without its gaps");
  }
  return Add({outline, Winding::kOdd, {}, paints, false}, to.strokes);
}

fig::Check Appearance::DrawStrokes(const NodeChange& node, Node& to) {
  const std::vector<fig::Paint>* paints = StrokePaints(node);
  if (!FIG_TRY(Shows(paints))) return Nothing{};
  const PaintList* kept = FIG_TRY(Keep(*paints));
  if (kept->empty()) return Nothing{};
  if (!node.stroke_geometry || node.stroke_geometry->empty()) return StandInForStrokes(node, kept, to);
  for (const fig::Path& path : *node.stroke_geometry) {  // a path's style is that of its fill
    if (path.blob == kNoBlob) continue;
    const Outline* outline = FIG_TRY(outlines_.FromBlob(path.blob));
    FIG_TRY(Add({outline, path.winding, {}, kept, false}, to.strokes));
  }
  if (!to.strokes.empty()) to.stroke_align = node.stroke_align.value_or(StrokeAlign::kCenter);
  return Nothing{};
}

// What children and strokes are clipped to. A stroke around nothing, an open line's, has no sides.
fig::Check Appearance::DrawSides(const NodeChange& node, Node& to) {
  const bool sided = to.stroke_align != StrokeAlign::kCenter;
  if (!to.clips && !sided && to.mask != Mask::kOutline) return Nothing{};
  to.clip_shapes = FIG_TRY(Area(node, nullptr));
  if (to.type == NodeType::kText && to.clip_shapes.empty()) {
    FIG_TRY(meter_.Keep(to.fills.size() * sizeof(Shape)));
    to.clip_shapes = to.fills;
  }
  const auto has_area = [](const Shape& shape) { return !shape.outline->bounds.empty(); };
  if (sided && std::none_of(to.clip_shapes.begin(), to.clip_shapes.end(), has_area)) to.stroke_align = StrokeAlign::kCenter;
  return Nothing{};
}

// ---- text -----------------------------------------------------------------------------------------

// A run's paints are in the table of styles; what is not there is the node's own.
fig::Outcome<const PaintList*> Appearance::RunPaints(const NodeChange& node, std::uint32_t style_id) {
  const auto known = runs_.find(style_id);
  if (known != runs_.end()) return known->second;
  const std::vector<fig::Paint>* paints = FillPaints(node);
  if (style_id != 0 && node.text) {
    const NodeChange* style = FIG_TRY(Find(node.text->styles, style_id));
    const std::vector<fig::Paint>* own = style == nullptr ? nullptr : FillPaints(*style);
    if (own != nullptr) paints = own;
  }
  const PaintList* kept = paints == nullptr ? nullptr : FIG_TRY(Keep(*paints));
  if (kept != nullptr && kept->empty()) kept = nullptr;
  runs_.emplace(style_id, kept);
  return kept;
}

fig::Check Appearance::DrawGlyphs(const NodeChange& node, const std::vector<fig::Glyph>& glyphs, Node& to) {
  FIG_TRY(meter_.Work(glyphs.size() * sizeof(fig::Glyph)));
  for (const fig::Glyph& glyph : glyphs) {
    if (!glyph.blob || !(glyph.font_size > 0)) continue;
    if (!IsSane(glyph.position.x) || !IsSane(glyph.position.y) || !IsSane(glyph.font_size) || !IsSane(glyph.rotation)) {
      return fig::Fault{fig::FaultClass::kGeometry, "a glyph of " + NameOf(node) + " is beyond any canvas", node.offset, "message"};
    }
    const PaintList* paints = FIG_TRY(RunPaints(node, StyleOf(glyph, node.text.get())));
    if (paints == nullptr) continue;
    const Outline* outline = FIG_TRY(outlines_.FromBlob(*glyph.blob));
    const double size = glyph.font_size, c = std::cos(glyph.rotation), s = std::sin(glyph.rotation);
    const Matrix turned{c, s, -s, c, glyph.position.x, glyph.position.y};
    FIG_TRY(Add({outline, Winding::kNonZero, turned * Matrix{size, 0, 0, -size, 0, 0}, paints, true}, to.fills));
  }
  return Nothing{};
}

fig::Check Appearance::DrawDecorations(const NodeChange& node, const std::vector<fig::Decoration>& lines, Node& to) {
  for (const fig::Decoration& line : lines) {
    FIG_TRY(meter_.Work(sizeof(line) + line.rects.size() * sizeof(line.rects[0])));
    const PaintList* paints = FIG_TRY(RunPaints(node, line.style_id));
    if (paints == nullptr) continue;
    for (const auto& [x, y, width, height] : line.rects) {
      if (!IsSane(x) || !IsSane(y) || !IsSane(width) || !IsSane(height)) continue;
      Pen pen;
      AddRectangle({x, y, width, height}, {}, pen);
      const Outline* outline = FIG_TRY(outlines_.Keep(pen.Take()));
      FIG_TRY(Add({outline, Winding::kNonZero, {}, paints, false}, to.fills));
    }
  }
  return Nothing{};
}

fig::Check Appearance::DrawText(const NodeChange& node, Node& to) {
  runs_.clear();
  if (node.derived_text && !node.derived_text->glyphs.empty()) {
    FIG_TRY(DrawGlyphs(node, node.derived_text->glyphs, to));
    return DrawDecorations(node, node.derived_text->decorations, to);
  }
  if (!node.text) return Nothing{};
  FIG_TRY(DrawGlyphs(node, node.text->glyphs, to));
  return DrawDecorations(node, node.text->decorations, to);
}

// ---- the whole ------------------------------------------------------------------------------------

fig::Check Appearance::Draw(const NodeChange& node, Node& to) {
  size_ = FIG_TRY(SizeOf(node));
  to.guid = node.guid.value_or(Guid{});
  to.name = node.name.value_or("");
  to.type = node.type.value_or(NodeType::kUnknown);
  to.transform = FIG_TRY(TransformOf(node));
  to.width = size_.width;
  to.height = size_.height;
  to.opacity = Opacity(node.opacity.value_or(1));
  to.blend = node.blend.value_or(BlendMode::kPassThrough);
  to.mask = MaskOf(node);
  if (to.type == NodeType::kText) {
    FIG_TRY(DrawText(node, to));
  } else {
    FIG_TRY(DrawFills(node, to));
  }
  FIG_TRY(DrawStrokes(node, to));
  // A slide has the shadow of Figma's editor, which no picture of it shows.
  if (const auto* effects = Effects(node); effects != nullptr && to.type != NodeType::kSlide) {
    FIG_TRY(meter_.Work(effects->size() * sizeof(fig::Effect)));
    to.effects = FIG_TRY(Convert(*effects, node, remarks_));
  }
  const bool clipper = IsContainer(to.type) && !IsGroup(node);
  to.is_frame = clipper || to.type == NodeType::kSlideGrid || to.type == NodeType::kSlideRow;
  to.clips = clipper && !node.frame_mask_disabled.value_or(false);
  FIG_TRY(DrawSides(node, to));
  return meter_.Keep(sizeof(Node) + to.name.size() + to.effects.size() * sizeof(Effect));
}

}  // namespace scene
