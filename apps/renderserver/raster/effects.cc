#include "raster/effects.h"

#include <algorithm>
#include <cmath>

#include "raster/blur.h"
#include "raster/shapes.h"

namespace raster {
namespace {

using fig::Nothing;
using scene::Effect;
using scene::Matrix;
using scene::Point;

Point Turned(const Matrix& matrix, Point offset) {
  return {matrix.xx * offset.x + matrix.xy * offset.y, matrix.yx * offset.x + matrix.yy * offset.y};
}

// Takes the shadow away below the inside of `above`, which reaches around it by a pixel; both are A8. At the
// edge, where `above` covers pixels in part, the shadow goes on, or there would be a bright seam.
void KnockOut(Surface& shadow, const Surface& above) {
  const Box& box = shadow.box();
  const std::ptrdiff_t stride = above.stride();
  const unsigned char* covers = above.bytes();
  unsigned char* bytes = shadow.bytes();
  for (int y = 0; y < box.height; ++y) {
    const unsigned char* middle = covers + (y + 1) * stride + 1;
    unsigned char* row = bytes + static_cast<std::ptrdiff_t>(y) * shadow.stride();
    for (int x = 0; x < box.width; ++x) {
      const auto column = [&](int at) { return middle[at - stride] != 0 && middle[at] != 0 && middle[at + stride] != 0; };
      if (column(x - 1) && column(x) && column(x + 1)) row[x] = 0;
    }
  }
  shadow.Changed();
}

// Both A8 and of one size: what `mask` is not, where `area` is.
void OutsideWithin(Surface& mask, const Surface& area) {
  unsigned char* to = mask.bytes();
  const unsigned char* within = area.bytes();
  for (int y = 0; y < mask.box().height; ++y) {
    unsigned char* row = to + static_cast<std::ptrdiff_t>(y) * mask.stride();
    const unsigned char* limit = within + static_cast<std::ptrdiff_t>(y) * area.stride();
    for (int x = 0; x < mask.box().width; ++x) row[x] = static_cast<unsigned char>(((255 - row[x]) * limit[x] + 127) / 255);
  }
  mask.Changed();
}

}  // namespace

double ScaleOf(const Matrix& m) { return std::sqrt(std::fabs(m.xx * m.yy - m.xy * m.yx)); }

bool Has(const scene::Node& node, Effect::Type type) {
  return std::any_of(node.effects.begin(), node.effects.end(), [&](const Effect& effect) { return effect.type == type; });
}

double LayerBlur(const scene::Node& node, const Matrix& to_picture, const fig::Budget& budget) {
  double deviation = 0;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kLayerBlur) deviation = std::max(deviation, effect.radius / 2 * ScaleOf(to_picture));
  }
  return std::min(deviation, budget.blur_radius / 2);
}

int ShadowReach(const scene::Node& node, const Matrix& to_picture, const fig::Budget& budget) {
  double reach = 0;
  for (const Effect& effect : node.effects) {
    if (effect.type != Effect::Type::kDropShadow) continue;
    const Point offset = Turned(to_picture, effect.offset);
    const double deviation = std::min(effect.radius / 2 * ScaleOf(to_picture), budget.blur_radius / 2);
    reach = std::max(reach, BlurReach(deviation) + std::fabs(effect.spread) * ScaleOf(to_picture) + std::hypot(offset.x, offset.y));
  }
  return static_cast<int>(std::min(std::ceil(reach), 1e6));
}

double Effects::Deviation(const Effect& effect, const Matrix& to_picture) const {
  return std::min(effect.radius / 2 * ScaleOf(to_picture), budget_.blur_radius / 2);
}

fig::Outcome<Nothing> Effects::PaintThrough(const Surface& mask, const Effect& effect) {
  const scene::Colour& c = effect.colour;
  if (effect.blend == scene::BlendMode::kLinearBurn) {
    FIG_TRY(layers_.Push(Layer::Purpose::kGroup, mask.box()));
    cairo_set_source_rgba(layers_.context(), c.r, c.g, c.b, c.a);
    cairo_mask_surface(layers_.context(), mask.get(), 0, 0);
    const Layer layer = FIG_TRY(layers_.Pop());
    return layers_.PutDown(layer.surface, 1, effect.blend);
  }
  layers_.work().Spend(mask.box().pixels() * Work::kGradient);
  cairo_t* context = layers_.context();
  cairo_set_operator(context, OperatorOf(effect.blend));
  cairo_set_source_rgba(context, c.r, c.g, c.b, c.a);
  cairo_mask_surface(context, mask.get(), 0, 0);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
  return Nothing{};
}

fig::Outcome<Nothing> Effects::DropShadow(const Effect& effect, const Matrix& to_picture, const Silhouette& silhouette) {
  const double deviation = Deviation(effect, to_picture), spread = effect.spread * ScaleOf(to_picture);
  const Point offset = Turned(to_picture, effect.offset);
  const Box target = Intersection(Grown(silhouette.Bounds(offset, spread), BlurReach(deviation)), layers_.top().Clip());
  if (target.empty() || !(effect.colour.a > 0)) return Nothing{};
  Work& work = layers_.work();
  Surface shadow = FIG_TRY(BlurredMask(deviation, target, layers_.blur_tools(), [&](cairo_t* context) { silhouette.Draw(context, offset, spread, work); }));
  if (!effect.show_behind_node && !silhouette.hides()) {
    const Surface above = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, Grown(target, 1), layers_.pixels()));
    const ContextPtr context = above.Draw();
    silhouette.Draw(context.get(), {}, 0, work);
    FIG_TRY(Check(context.get()));
    KnockOut(shadow, above);
  }
  FIG_TRY(work.Check());
  return PaintThrough(shadow, effect);
}

fig::Outcome<Nothing> Effects::DropShadows(const scene::Node& node, const Matrix& to_picture, const Silhouette& silhouette) {
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kDropShadow) FIG_TRY(DropShadow(effect, to_picture, silhouette));
  }
  return Nothing{};
}

// What is not the shape, blurred, as far as it lies in the shape.
fig::Outcome<Nothing> Effects::InnerShadow(const Effect& effect, const Matrix& to_picture, const Silhouette& silhouette) {
  const Box target = Intersection(silhouette.Bounds({}, 0), layers_.top().Clip());
  if (target.empty() || !(effect.colour.a > 0)) return Nothing{};
  const double deviation = Deviation(effect, to_picture), spread = effect.spread * ScaleOf(to_picture);
  const Point offset = Turned(to_picture, effect.offset);
  Work& work = layers_.work();
  Surface shadow = FIG_TRY(BlurredMask(deviation, target, layers_.blur_tools(), [&](cairo_t* context) { silhouette.Draw(context, offset, -spread, work); }));
  const Surface area = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, target, layers_.pixels()));
  const ContextPtr context = area.Draw();
  silhouette.Draw(context.get(), {}, 0, work);
  FIG_TRY(Check(context.get()));
  OutsideWithin(shadow, area);
  FIG_TRY(work.Check());
  return PaintThrough(shadow, effect);
}

fig::Outcome<Nothing> Effects::InnerShadows(const scene::Node& node, const Matrix& to_picture, const Silhouette& silhouette) {
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kInnerShadow) FIG_TRY(InnerShadow(effect, to_picture, silhouette));
  }
  return Nothing{};
}

// What is on the top layer there. Beyond the picture's edge, and that of a clipped part, it goes on as it
// ends, or the blur would be lighter at the edge; beyond that of a group there is nothing.
fig::Outcome<Surface> Effects::Backdrop(const Box& box) {
  const Layer& top = layers_.top();
  const bool goes_on = top.purpose == Layer::Purpose::kBase || top.purpose == Layer::Purpose::kClipped;
  const Box& have = top.surface.box();
  if (!goes_on) return layers_.Copy(Intersection(box, have));
  Surface copy = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, box, layers_.pixels()));
  unsigned char* from = top.surface.bytes();
  unsigned char* to = copy.bytes();
  for (int y = 0; y < box.height; ++y) {
    const int near_y = std::clamp(box.y + y, have.y, have.y + have.height - 1) - have.y;
    const auto* row = reinterpret_cast<const std::uint32_t*>(from + static_cast<std::ptrdiff_t>(near_y) * top.surface.stride());
    auto* out = reinterpret_cast<std::uint32_t*>(to + static_cast<std::ptrdiff_t>(y) * copy.stride());
    for (int x = 0; x < box.width; ++x) out[x] = row[std::clamp(box.x + x, have.x, have.x + have.width - 1) - have.x];
  }
  copy.Changed();
  return copy;
}

fig::Outcome<Nothing> Effects::BackgroundBlur(const scene::Node& node, const Matrix& to_picture) {
  double deviation = 0;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kBackgroundBlur) deviation = std::max(deviation, Deviation(effect, to_picture));
  }
  const ShapeList& area = node.clip_shapes.empty() ? node.fills : node.clip_shapes;
  if (deviation == 0 || area.empty()) return Nothing{};
  const Box target = Intersection(BoxOf(area, to_picture), layers_.top().Clip());
  if (target.empty()) return Nothing{};
  Surface blurred = FIG_TRY(Backdrop(Grown(target, BlurReach(deviation))));
  FIG_TRY(Blur(blurred, deviation, layers_.blur_tools()));
  const Surface mask = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, target, layers_.pixels()));
  const ContextPtr context = mask.Draw();
  cairo_set_source_rgba(context.get(), 0, 0, 0, node.opacity);
  FillAll(context.get(), area, to_picture, layers_.work());
  FIG_TRY(Check(context.get()));
  FIG_TRY(layers_.work().Check());
  return layers_.Become(blurred, &mask);
}

}  // namespace raster
