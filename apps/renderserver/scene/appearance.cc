#include "scene/appearance.h"

#include <algorithm>
#include <cmath>

namespace scene {
namespace {

using fig::NodeChange;
using fig::NodeType;
using fig::Nothing;

template <typename T>
const T* Get(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

const NodeChange* FindStyle(const std::vector<NodeChange>& styles, std::uint32_t id) {
  for (const NodeChange& style : styles) {
    if (style.style_id == id) return &style;
  }
  return nullptr;
}

bool HasCornersOf(NodeType type) {
  return IsContainer(type) || type == NodeType::kRectangle || type == NodeType::kRoundedRectangle || type == NodeType::kSection;
}

Outlines::Corners CornersOf(const NodeChange& node) {
  const double all = node.corner_radius.value_or(0);
  return {node.corner_top_left.value_or(static_cast<float>(all)), node.corner_top_right.value_or(static_cast<float>(all)),
          node.corner_bottom_right.value_or(static_cast<float>(all)), node.corner_bottom_left.value_or(static_cast<float>(all))};
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

bool IsContainer(NodeType type) {
  return type == NodeType::kFrame || type == NodeType::kSymbol || type == NodeType::kInstance || type == NodeType::kSlide ||
         type == NodeType::kModule;
}

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

const PaintList* Appearance::Keep(const std::vector<fig::Paint>& paints) {
  scene_.paints.push_back(Convert(paints, size_, document_, remarks_));
  return &scene_.paints.back();
}

fig::Outcome<Appearance::Shapes> Appearance::FromPaths(const std::vector<fig::Path>& paths, const NodeChange& node,
                                                       const PaintList* paints) {
  Shapes shapes;
  for (const fig::Path& path : paths) {
    const Outline* outline = FIG_TRY(outlines_.FromBlob(path.blob));
    if (outline->commands.empty()) continue;
    Shape shape{outline, path.winding, {}, paints, false};
    if (path.style_id != 0 && paints != nullptr && node.vector_data) {
      const NodeChange* style = FindStyle(node.vector_data->styles, path.style_id);
      const std::vector<fig::Paint>* own = style == nullptr ? nullptr : FillPaints(*style);
      if (own != nullptr) shape.paints = Keep(*own);
    }
    shapes.push_back(shape);
  }
  return shapes;
}

fig::Outcome<Appearance::Shapes> Appearance::AreaOfNetwork(const NodeChange& node, const PaintList* paints) {
  const fig::VectorData& data = *node.vector_data;
  const std::uint32_t blob = *data.network_blob;
  const std::string where = "blob " + std::to_string(blob);
  if (blob >= document_.blobs.size()) {
    return fig::Fault{fig::FaultClass::kGeometry, "there is no such blob", fig::Fault::kNowhere, where};
  }
  const auto factor = [](double size, double normalized) { return IsSane(normalized) && normalized > 0 ? size / normalized : 1; };
  const Point scale{factor(size_.width, data.normalized_size.x), factor(size_.height, data.normalized_size.y)};
  Shapes shapes;
  for (NetworkRegion& region : FIG_TRY(ParseNetwork(document_.blobs[blob], where, scale, budget_))) {
    const std::vector<fig::Paint>* own = nullptr;
    if (const NodeChange* style = FindStyle(data.styles, region.style_id); style != nullptr) own = FillPaints(*style);
    const Outline* outline = FIG_TRY(outlines_.Keep(std::move(region.outline)));
    shapes.push_back({outline, region.winding, {}, own != nullptr && paints != nullptr ? Keep(*own) : paints, false});
  }
  return shapes;
}

fig::Outcome<Appearance::Shapes> Appearance::Area(const NodeChange& node, const PaintList* paints) {
  if (node.fill_geometry && !node.fill_geometry->empty()) return FromPaths(*node.fill_geometry, node, paints);
  const NodeType type = node.type.value_or(NodeType::kUnknown);
  const Outline* outline = nullptr;
  if (HasCornersOf(type) && size_.width > 0 && size_.height > 0) {
    outline = FIG_TRY(outlines_.Rectangle({0, 0, size_.width, size_.height}, CornersOf(node)));
  } else if (type == NodeType::kEllipse && size_.width > 0 && size_.height > 0) {
    outline = FIG_TRY(outlines_.Ellipse(size_.width, size_.height));
  } else if (node.vector_data && node.vector_data->network_blob) {
    return AreaOfNetwork(node, paints);
  }
  if (outline == nullptr) return Shapes{};
  return Shapes{{outline, Winding::kNonZero, {}, paints, false}};
}

fig::Outcome<Nothing> Appearance::DrawFills(const NodeChange& node, Node& to) {
  const std::vector<fig::Paint>* paints = FillPaints(node);
  std::vector<fig::Paint> background;
  if (IsContainer(to.type) && paints == nullptr && !node.container_supports_fill.value_or(false)) {
    background = Background(node);
    paints = &background;
  }
  if (paints == nullptr || !AnyVisible(*paints)) return Nothing{};
  const PaintList* kept = Keep(*paints);
  if (!kept->empty()) to.fills = FIG_TRY(Area(node, kept));
  return Nothing{};
}

fig::Outcome<Nothing> Appearance::DrawStrokes(const NodeChange& node, Node& to) {
  const std::vector<fig::Paint>* paints = StrokePaints(node);
  if (paints == nullptr || !AnyVisible(*paints)) return Nothing{};
  if (!node.stroke_geometry || node.stroke_geometry->empty()) {
    if (node.stroke_weight.value_or(1) > 0) remarks_.Add("a stroke whose outline is not in the file is not drawn");
    return Nothing{};
  }
  const PaintList* kept = Keep(*paints);
  if (kept->empty()) return Nothing{};
  to.strokes = FIG_TRY(FromPaths(*node.stroke_geometry, node, kept));
  for (Shape& stroke : to.strokes) stroke.paints = kept;  // a path's style is that of its fill
  to.stroke_align = node.stroke_align.value_or(StrokeAlign::kCenter);
  return Nothing{};
}

// A run's paints are in the table of styles; what is not there is the node's own.
const PaintList* Appearance::RunPaints(const NodeChange& node, std::uint32_t style_id) {
  const auto known = runs_.find(style_id);
  if (known != runs_.end()) return known->second;
  const std::vector<fig::Paint>* paints = FillPaints(node);
  if (style_id != 0 && node.text) {
    const NodeChange* style = FindStyle(node.text->styles, style_id);
    const std::vector<fig::Paint>* own = style == nullptr ? nullptr : FillPaints(*style);
    if (own != nullptr) paints = own;
  }
  const PaintList* kept = paints == nullptr ? nullptr : Keep(*paints);
  runs_.emplace(style_id, kept);
  return kept;
}

fig::Outcome<Nothing> Appearance::DrawGlyphs(const NodeChange& node, const std::vector<fig::Glyph>& glyphs, Node& to) {
  for (const fig::Glyph& glyph : glyphs) {
    if (!glyph.blob || !(glyph.font_size > 0)) continue;
    if (!IsSane(glyph.position.x) || !IsSane(glyph.position.y) || !IsSane(glyph.font_size) || !IsSane(glyph.rotation)) {
      return fig::Fault{fig::FaultClass::kGeometry, "a glyph of " + NameOf(node) + " is beyond any canvas", fig::Fault::kNowhere, "message"};
    }
    const PaintList* paints = RunPaints(node, StyleOf(glyph, node.text.get()));
    if (paints == nullptr || paints->empty()) continue;
    const Outline* outline = FIG_TRY(outlines_.FromBlob(*glyph.blob));
    if (outline->commands.empty()) continue;
    const double size = glyph.font_size, c = std::cos(glyph.rotation), s = std::sin(glyph.rotation);
    const Matrix turned{c, s, -s, c, glyph.position.x, glyph.position.y};
    to.fills.push_back({outline, Winding::kNonZero, turned * Matrix{size, 0, 0, -size, 0, 0}, paints, true});
  }
  return Nothing{};
}

fig::Outcome<Nothing> Appearance::DrawText(const NodeChange& node, Node& to) {
  runs_.clear();
  const bool derived = node.derived_text && !node.derived_text->glyphs.empty();
  if (derived) {
    FIG_TRY(DrawGlyphs(node, node.derived_text->glyphs, to));
  } else if (node.text) {
    FIG_TRY(DrawGlyphs(node, node.text->glyphs, to));
  }
  const std::vector<fig::Decoration>* lines =
      derived ? &node.derived_text->decorations : node.text ? &node.text->decorations : nullptr;
  if (lines == nullptr) return Nothing{};
  for (const fig::Decoration& line : *lines) {
    const PaintList* paints = RunPaints(node, line.style_id);
    if (paints == nullptr || paints->empty()) continue;
    for (const auto& rect : line.rects) {
      if (!std::all_of(rect.begin(), rect.end(), [](float value) { return IsSane(value); })) continue;
      to.fills.push_back({FIG_TRY(outlines_.Rectangle({rect[0], rect[1], rect[2], rect[3]}, {})), Winding::kNonZero, {}, paints, false});
    }
  }
  return Nothing{};
}

fig::Outcome<Nothing> Appearance::Draw(const NodeChange& node, Node& to) {
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
  if (const auto* effects = Effects(node)) to.effects = FIG_TRY(Convert(*effects, node, remarks_));
  to.clips = IsContainer(to.type) && !IsGroup(node) && !node.frame_mask_disabled.value_or(false);
  const bool sided = !to.strokes.empty() && to.stroke_align != StrokeAlign::kCenter;
  if (to.clips || sided || to.mask == Mask::kOutline) to.clip_shapes = FIG_TRY(Area(node, nullptr));
  if (to.type == NodeType::kText && to.clip_shapes.empty()) to.clip_shapes = to.fills;
  return Nothing{};
}

}  // namespace scene
