#include "raster/layers.h"

#include <cmath>

#include "raster/blur.h"

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

// What it makes is put in place of what was there, as far as the clip lets it: cairo weighs its edges.
fig::Outcome<fig::Nothing> Layers::PutDownBy(Compositor& compositor, const Surface& surface, double opacity, scene::BlendMode blend) {
  const Box area = Intersection(surface.box(), top().Clip());
  if (area.empty()) return fig::Nothing{};
  Surface copy = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, area, pixels_));
  {
    const ContextPtr context = copy.Draw();
    cairo_set_source_surface(context.get(), top().surface.get(), 0, 0);
    cairo_set_operator(context.get(), CAIRO_OPERATOR_SOURCE);
    cairo_paint(context.get());
  }
  FIG_TRY(compositor.Blend(copy, surface, opacity, blend));
  cairo_t* context = top().context.get();
  cairo_save(context);
  cairo_rectangle(context, area.x, area.y, area.width, area.height);
  cairo_clip(context);
  cairo_set_operator(context, CAIRO_OPERATOR_SOURCE);
  cairo_set_source_surface(context, copy.get(), 0, 0);
  cairo_paint(context);
  cairo_restore(context);
  return fig::Nothing{};
}

fig::Outcome<fig::Nothing> Layers::Blur(Surface& surface, double deviation) {
  if (compositor_ != nullptr && BlurReach(deviation) > 0) return compositor_->Blur(surface, deviation);
  raster::Blur(surface, deviation);
  return fig::Nothing{};
}

fig::Outcome<fig::Nothing> Layers::PutDown(const Surface& surface, double opacity, scene::BlendMode blend) {
  if (surface.box().empty()) return fig::Nothing{};
  if (compositor_ != nullptr) return PutDownBy(*compositor_, surface, opacity, blend);
  if (blend == scene::BlendMode::kLinearBurn) {
    BurnInto(top().surface, surface, opacity, top().Clip());
    return fig::Nothing{};
  }
  cairo_t* context = top().context.get();
  cairo_set_operator(context, OperatorOf(blend));
  cairo_set_source_surface(context, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_NEAREST);
  cairo_paint_with_alpha(context, opacity);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
  return fig::Nothing{};
}

}  // namespace raster
