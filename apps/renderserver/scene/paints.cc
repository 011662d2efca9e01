#include "scene/paints.h"

#include <algorithm>

namespace scene {
namespace {

Colour Clean(Colour colour) {
  for (float* part : {&colour.r, &colour.g, &colour.b, &colour.a}) *part = std::isfinite(*part) ? std::clamp(*part, 0.0F, 1.0F) : 0.0F;
  return colour;
}

bool IsVisible(const fig::Paint& paint) { return paint.visible && Opacity(paint.opacity) > 0; }

// The file maps the node's unit square to the gradient's (or the image's) space; painters go back.
bool Place(const fig::Paint& paint, Size size, Matrix* to_node) {
  const fig::Matrix& m = paint.transform;
  const Matrix to_paint{m.m00, m.m10, m.m01, m.m11, m.m02, m.m12};
  Matrix inverse;
  if (!IsSane(to_paint) || !Invert(to_paint, &inverse)) return false;
  // A line has no height, and its stroke a gradient: painters need a way back from the node.
  constexpr double kLeast = 1e-3;
  const Matrix placed = Matrix{std::fmax(size.width, kLeast), 0, 0, std::fmax(size.height, kLeast), 0, 0} * inverse;
  if (!IsSane(placed)) return false;
  *to_node = placed;
  return true;
}

void ConvertGradient(const fig::Paint& from, Size size, Paint& to) {
  for (const fig::ColourStop& stop : from.stops) {
    const float position = std::isfinite(stop.position) ? std::clamp(stop.position, 0.0F, 1.0F) : 0.0F;
    to.stops.push_back({Clean(stop.colour), position});
  }
  std::stable_sort(to.stops.begin(), to.stops.end(),
                   [](const ColourStop& a, const ColourStop& b) { return a.position < b.position; });
  // A gradient that is squeezed to nothing shows what lies behind its end.
  if (to.stops.empty() || !Place(from, size, &to.to_node)) {
    to.colour = to.stops.empty() ? Colour{0, 0, 0, 0} : to.stops.back().colour;
    to.type = PaintType::kSolid;
    to.stops.clear();
  }
}

void ConvertImage(const fig::Paint& from, Size size, const fig::Document& document, Paint& to) {
  if (const auto found = document.images.find(from.image.hash); !from.image.hash.empty() && found != document.images.end()) {
    to.image = found->second;
    to.image_key = from.image.hash;
  } else if (from.image.blob && *from.image.blob < document.blobs.size()) {
    to.image = document.blobs[*from.image.blob];
    to.image_key = "blob " + std::to_string(*from.image.blob);
  } else {
    to.image_key = from.image.hash.empty() ? "missing" : from.image.hash;
  }
  to.scale_mode = from.scale_mode;
  to.tile_scale = IsSane(from.scale) && from.scale > 0 ? from.scale : 1;
  to.rotation = IsSane(from.rotation) ? from.rotation : 0;
  to.filter = from.filter;
  if (to.scale_mode == ImageScaleMode::kStretch && !Place(from, size, &to.to_node)) to.scale_mode = ImageScaleMode::kFill;
}

}  // namespace

bool AnyVisible(const std::vector<fig::Paint>& paints) { return std::any_of(paints.begin(), paints.end(), IsVisible); }

PaintList Convert(const std::vector<fig::Paint>& paints, Size size, const fig::Document& document, Remarks& remarks) {
  PaintList list;
  for (const fig::Paint& from : paints) {
    if (!IsVisible(from)) continue;
    Paint to;
    to.type = from.type;
    to.opacity = Opacity(from.opacity);
    to.blend = from.blend;
    switch (from.type) {
      case PaintType::kSolid: to.colour = Clean(from.colour); break;
      case PaintType::kGradientLinear:
      case PaintType::kGradientRadial:
      case PaintType::kGradientAngular:
      case PaintType::kGradientDiamond: ConvertGradient(from, size, to); break;
      case PaintType::kImage: ConvertImage(from, size, document, to); break;
      case PaintType::kEmoji: remarks.Add("emoji are not drawn: their pictures are in a font"); continue;
      case PaintType::kOther: remarks.Add("a paint of an unknown kind is not drawn"); continue;
    }
    list.push_back(std::move(to));
  }
  return list;
}

fig::Outcome<std::vector<Effect>> Convert(const std::vector<fig::Effect>& effects, const fig::NodeChange& node, Remarks& remarks) {
  std::vector<Effect> list;
  for (const fig::Effect& from : effects) {
    if (!from.visible) continue;
    Effect to;
    switch (from.type) {
      case fig::EffectType::kDropShadow: to.type = Effect::Type::kDropShadow; break;
      case fig::EffectType::kInnerShadow: to.type = Effect::Type::kInnerShadow; break;
      case fig::EffectType::kForegroundBlur: to.type = Effect::Type::kLayerBlur; break;
      case fig::EffectType::kBackgroundBlur: to.type = Effect::Type::kBackgroundBlur; break;
      case fig::EffectType::kOther: remarks.Add("an effect of an unknown kind is not drawn"); continue;
    }
    if (!IsSane(from.radius) || !IsSane(from.spread) || !IsSane(from.offset.x) || !IsSane(from.offset.y)) {
      return fig::Fault{fig::FaultClass::kGeometry, "an effect of " + NameOf(node) + " is beyond any canvas", node.offset, "message"};
    }
    to.colour = Clean(from.colour);
    to.offset = {from.offset.x, from.offset.y};
    to.radius = std::fmax(0.0, from.radius);
    to.spread = from.spread;
    to.blend = from.blend;
    to.show_behind_node = from.show_behind_node;
    list.push_back(to);
  }
  return list;
}

}  // namespace scene
