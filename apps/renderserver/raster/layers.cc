#include "raster/layers.h"

#include <cmath>

namespace raster {

Box Layer::Clip() const {
  double left = 0, top = 0, right = 0, bottom = 0;
  cairo_clip_extents(context.get(), &left, &top, &right, &bottom);
  return Intersection(surface.box(), RoundOut({left, top, right - left, bottom - top}));
}

fig::Outcome<fig::Nothing> Layers::Push(Layer::Purpose purpose, const Box& box) {
  Layer layer;
  layer.purpose = purpose;
  layer.surface = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, box, pixels_));
  layer.context = layer.surface.Draw();
  layers_.push_back(std::move(layer));
  return fig::Nothing{};
}

Layer Layers::Pop() {
  Layer layer = std::move(layers_.back());
  layers_.pop_back();
  layer.context.reset();
  return layer;
}

void Layers::PutDown(const Surface& surface, double opacity, scene::BlendMode blend) {
  if (surface.box().empty()) return;
  if (blend == scene::BlendMode::kLinearBurn) return BurnInto(top().surface, surface, opacity, top().Clip());
  cairo_t* context = top().context.get();
  cairo_set_operator(context, OperatorOf(blend));
  cairo_set_source_surface(context, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_NEAREST);
  cairo_paint_with_alpha(context, opacity);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
}

}  // namespace raster
