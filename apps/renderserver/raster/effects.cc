#include "raster/effects.h"

#include <algorithm>
#include <cmath>

#include "raster/blur.h"
#include "raster/path.h"

namespace raster {
namespace {

using fig::Nothing;
using scene::Effect;
using scene::Matrix;
using scene::Point;

// A wide blur has no detail: it is made of fewer pixels, and looks the same.
constexpr double kFineDeviation = 8;

struct Coarse {
  int factor = 1;
  explicit Coarse(double deviation) {
    while (deviation / factor > kFineDeviation && factor < 64) factor *= 2;
  }
  Box Shrunk(const Box& box) const {
    const auto down = [this](int value) { return static_cast<int>(std::floor(static_cast<double>(value) / factor)); };
    const int left = down(box.x), top = down(box.y);
    return {left, top, down(box.x + box.width - 1) + 1 - left, down(box.y + box.height - 1) + 1 - top};
  }
};

Point Turned(const Matrix& matrix, Point offset) {
  return {matrix.xx * offset.x + matrix.xy * offset.y, matrix.yx * offset.x + matrix.yy * offset.y};
}

Box Shifted(const Box& box, Point by) {
  return RoundOut({box.x + by.x, box.y + by.y, static_cast<double>(box.width), static_cast<double>(box.height)});
}

// Makes the shapes wider (or narrower) by `by` pixels, corners kept sharp.
void Widen(cairo_t* context, const std::vector<scene::Shape>& shapes, const Matrix& to_picture, double by) {
  if (by == 0 || shapes.empty()) return;
  cairo_new_path(context);
  for (const scene::Shape& shape : shapes) AddShape(context, shape, to_picture);
  cairo_set_operator(context, by > 0 ? CAIRO_OPERATOR_OVER : CAIRO_OPERATOR_DEST_OUT);
  cairo_set_line_width(context, 2 * std::min(std::fabs(by), 1e5));
  cairo_set_line_join(context, CAIRO_LINE_JOIN_MITER);
  cairo_stroke(context);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
}

// `draw` paints the silhouette in the picture's coordinates; the result is blurred and covers `target`.
template <typename Draw>
fig::Outcome<Surface> Blurred(double deviation, const Box& target, Layers& layers, Draw draw) {
  const Coarse coarse(deviation);
  const Box needed = coarse.Shrunk(Grown(target, BlurReach(deviation)));
  Surface small = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, needed, layers.pixels()));
  {
    const ContextPtr context = small.Draw();
    cairo_scale(context.get(), 1.0 / coarse.factor, 1.0 / coarse.factor);
    draw(context.get());
  }
  FIG_TRY(layers.Blur(small, deviation / coarse.factor));
  Surface whole = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, target, layers.pixels()));
  const ContextPtr context = whole.Draw();
  cairo_scale(context.get(), coarse.factor, coarse.factor);
  cairo_set_source_surface(context.get(), small.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context.get()), coarse.factor > 1 ? CAIRO_FILTER_BILINEAR : CAIRO_FILTER_NEAREST);
  cairo_set_operator(context.get(), CAIRO_OPERATOR_SOURCE);
  cairo_paint(context.get());
  return whole;
}

}  // namespace

double ScaleOf(const Matrix& m) { return std::sqrt(std::fabs(m.xx * m.yy - m.xy * m.yx)); }

bool HasShadow(const scene::Node& node, Effect::Type type) {
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

void Effects::PaintThrough(const Surface& mask, const Effect& effect) {
  cairo_t* context = layers_.top().context.get();
  const scene::Colour& c = effect.colour;
  cairo_set_operator(context, OperatorOf(effect.blend));
  cairo_set_source_rgba(context, c.r, c.g, c.b, c.a);
  cairo_mask_surface(context, mask.get(), 0, 0);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
}

fig::Outcome<Nothing> Effects::DropShadow(const Effect& effect, const scene::Node& node, const Matrix& to_picture, const Surface& content) {
  const double deviation = Deviation(effect, to_picture), spread = effect.spread * ScaleOf(to_picture);
  const Point offset = Turned(to_picture, effect.offset);
  const int reach = BlurReach(deviation) + static_cast<int>(std::min(std::ceil(std::fabs(spread)), 1e5));
  const Box target = Intersection(Grown(Shifted(content.box(), offset), reach), layers_.top().Clip());
  if (target.empty()) return Nothing{};
  Surface shadow = FIG_TRY(Blurred(deviation, target, layers_, [&](cairo_t* context) {
    cairo_set_source_rgba(context, 0, 0, 0, 1);
    cairo_mask_surface(context, content.get(), offset.x, offset.y);
    Widen(context, node.fills, Matrix{1, 0, 0, 1, offset.x, offset.y} * to_picture, spread);
  }));
  if (!effect.show_behind_node) {
    const ContextPtr context = shadow.Draw();
    cairo_set_operator(context.get(), CAIRO_OPERATOR_DEST_OUT);
    if (node.fills.empty()) {
      cairo_mask_surface(context.get(), content.get(), 0, 0);
    } else {
      for (const scene::Shape& shape : node.fills) FillAll(context.get(), {shape}, to_picture);
    }
  }
  PaintThrough(shadow, effect);
  return Nothing{};
}

fig::Outcome<Nothing> Effects::DropShadows(const scene::Node& node, const Matrix& to_picture, const Surface& content) {
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kDropShadow) FIG_TRY(DropShadow(effect, node, to_picture, content));
  }
  return Nothing{};
}

// What is not the shape, blurred, as far as it lies in the shape.
fig::Outcome<Nothing> Effects::InnerShadow(const Effect& effect, const scene::Node& node, const Matrix& to_picture) {
  cairo_t* top = layers_.top().context.get();
  cairo_new_path(top);
  for (const scene::Shape& shape : node.fills) AddShape(top, shape, to_picture);
  double left = 0, upper = 0, right = 0, lower = 0;
  cairo_path_extents(top, &left, &upper, &right, &lower);
  cairo_new_path(top);
  const Box target = Intersection(Grown(RoundOut({left, upper, right - left, lower - upper}), 1), layers_.top().Clip());
  if (target.empty()) return Nothing{};
  const double deviation = Deviation(effect, to_picture), spread = effect.spread * ScaleOf(to_picture);
  const Point offset = Turned(to_picture, effect.offset);
  Surface shadow = FIG_TRY(Blurred(deviation, target, layers_, [&](cairo_t* context) {
    const Matrix moved = Matrix{1, 0, 0, 1, offset.x, offset.y} * to_picture;
    cairo_set_source_rgba(context, 0, 0, 0, 1);
    cairo_paint(context);
    cairo_set_operator(context, CAIRO_OPERATOR_DEST_OUT);
    FillAll(context, node.fills, moved);
    Widen(context, node.fills, moved, spread);
  }));
  Surface area = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, target, layers_.pixels()));
  for (const scene::Shape& shape : node.fills) FillAll(area.Draw().get(), {shape}, to_picture);
  {
    const ContextPtr context = shadow.Draw();
    cairo_set_operator(context.get(), CAIRO_OPERATOR_DEST_IN);
    cairo_set_source_surface(context.get(), area.get(), 0, 0);
    cairo_paint(context.get());
  }
  PaintThrough(shadow, effect);
  return Nothing{};
}

fig::Outcome<Nothing> Effects::InnerShadows(const scene::Node& node, const Matrix& to_picture) {
  if (node.fills.empty()) return Nothing{};
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kInnerShadow) FIG_TRY(InnerShadow(effect, node, to_picture));
  }
  return Nothing{};
}

fig::Outcome<Nothing> Effects::BackgroundBlur(const scene::Node& node, const Matrix& to_picture) {
  double deviation = 0;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kBackgroundBlur) deviation = std::max(deviation, Deviation(effect, to_picture));
  }
  const std::vector<scene::Shape>& area = node.clip_shapes.empty() ? node.fills : node.clip_shapes;
  if (deviation == 0 || area.empty()) return Nothing{};
  cairo_t* top = layers_.top().context.get();
  cairo_save(top);
  ClipTo(top, area, to_picture);
  const Box target = layers_.top().Clip();
  fig::Outcome<Nothing> done = Nothing{};
  if (!target.empty()) {
    const Box needed = Intersection(Grown(target, BlurReach(deviation)), layers_.top().surface.box());
    auto copy = Surface::Make(CAIRO_FORMAT_ARGB32, needed, layers_.pixels());
    if (copy.ok()) {
      {
        const ContextPtr context = copy.value().Draw();
        cairo_set_source_surface(context.get(), layers_.top().surface.get(), 0, 0);
        cairo_set_operator(context.get(), CAIRO_OPERATOR_SOURCE);
        cairo_paint(context.get());
      }
      done = layers_.Blur(copy.value(), deviation);
      cairo_set_source_surface(top, copy.value().get(), 0, 0);
      cairo_set_operator(top, CAIRO_OPERATOR_SOURCE);
      cairo_paint(top);
    } else {
      done = std::move(copy.fault());
    }
  }
  cairo_restore(top);
  return done;
}

}  // namespace raster
