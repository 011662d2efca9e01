#include "raster/layers.h"

#include <cmath>
#include <cstring>

namespace raster {
namespace {

using fig::Nothing;

scene::Rect RectOf(const Box& box) {
  return {static_cast<double>(box.x), static_cast<double>(box.y), static_cast<double>(box.width), static_cast<double>(box.height)};
}

unsigned char* Row(const Surface& surface, unsigned char* bytes, int y, int bytes_per_pixel, int x) {
  return bytes + static_cast<std::ptrdiff_t>(y - surface.box().y) * surface.stride() + static_cast<std::ptrdiff_t>(x - surface.box().x) * bytes_per_pixel;
}

bool IsWhole(double value) { return value == std::floor(value); }

// No part of a pixel: then pixels need not be asked how much of them it covers.
bool IsWhole(const scene::Rect& rect) { return IsWhole(rect.x) && IsWhole(rect.y) && IsWhole(rect.width) && IsWhole(rect.height); }

// Between two pixels: `part` of 255 of the one, the rest of the other. Exact at both ends.
std::uint32_t Between(std::uint32_t from, std::uint32_t to, std::uint32_t part) {
  std::uint32_t mixed = 0;
  for (const unsigned shift : {0U, 8U, 16U, 24U}) {
    const std::uint32_t sum = (from >> shift & 0xff) * (255 - part) + (to >> shift & 0xff) * part + 128;
    mixed |= (sum + (sum >> 8)) >> 8 << shift;
  }
  return mixed;
}

// `covers`, `inside`: how much of each pixel; null: all of it.
void BecomeRow(std::uint32_t* to, const std::uint32_t* from, const unsigned char* covers, const unsigned char* inside, int count) {
  for (int x = 0; x < count; ++x) {
    std::uint32_t part = covers == nullptr ? 255 : covers[x];
    if (inside != nullptr && inside[x] != 255) part = (part * inside[x] + 127) / 255;
    if (part == 255) {
      to[x] = from[x];
    } else if (part != 0) {
      to[x] = Between(to[x], from[x], part);
    }
  }
}

}  // namespace

fig::Outcome<Nothing> Check(cairo_t* context) {
  const cairo_status_t status = cairo_status(context);
  if (status != CAIRO_STATUS_SUCCESS) return CairoFault(status);
  return Nothing{};
}

fig::Outcome<Nothing> Layers::Push(Layer::Purpose purpose, const Box& box) {
  constexpr std::size_t kMost = 4096;  // layers of no pixels cost something, too
  if (layers_.size() >= kMost) return fig::Fault{fig::FaultClass::kBudget, "more than " + std::to_string(kMost) + " layers at once", fig::Fault::kNowhere, ""};
  Layer layer;
  layer.purpose = purpose;
  layer.surface = FIG_TRY(purpose == Layer::Purpose::kClipped ? Copy(box) : Surface::Make(CAIRO_FORMAT_ARGB32, box, pixels_));
  layer.context = layer.surface.Draw();
  layer.clip = RectOf(box);
  layers_.push_back(std::move(layer));
  return Nothing{};
}

fig::Outcome<Layer> Layers::Pop() {
  Layer layer = std::move(layers_.back());
  layers_.pop_back();
  FIG_TRY(Check(layer.context.get()));
  layer.context.reset();
  return layer;
}

void Layers::ClipTo(const scene::Rect& rect) {
  cairo_save(context());
  top().clip = scene::Intersection(top().clip, rect);
  const scene::Rect& clip = top().clip;
  cairo_new_path(context());
  cairo_rectangle(context(), clip.x, clip.y, std::max(0.0, clip.width), std::max(0.0, clip.height));
  cairo_clip(context());
}

void Layers::Unclip(const scene::Rect& before) {
  cairo_restore(context());
  top().clip = before;
}

fig::Outcome<Nothing> Layers::PutDown(const Surface& surface, double opacity, scene::BlendMode blend) {
  const Box box = Intersection(surface.box(), top().Clip());
  if (box.empty() || !(opacity > 0)) return Nothing{};
  work_.Spend(box.pixels() * (IsPlain(blend) ? Work::kSolid : Work::kBlend));
  if (compositor_ != nullptr || blend == scene::BlendMode::kLinearBurn) {
    Surface mixed = FIG_TRY(Copy(box));
    if (compositor_ != nullptr) {
      FIG_TRY(compositor_->Blend(mixed, surface, opacity, blend));
    } else {
      BurnInto(mixed, surface, opacity);
    }
    return Become(mixed, nullptr);
  }
  cairo_set_operator(context(), OperatorOf(blend));
  cairo_set_source_surface(context(), surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context()), CAIRO_FILTER_NEAREST);
  cairo_paint_with_alpha(context(), opacity);
  cairo_set_operator(context(), CAIRO_OPERATOR_OVER);
  return Nothing{};
}

void Layers::PutDownThrough(const Surface& surface, const Surface& mask) {
  const Box box = Intersection(surface.box(), top().Clip());
  if (box.empty()) return;
  work_.Spend(box.pixels() * Work::kGradient);
  cairo_set_source_surface(context(), surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context()), CAIRO_FILTER_NEAREST);
  cairo_mask_surface(context(), mask.get(), 0, 0);
}

fig::Outcome<Surface> Layers::Copy(const Box& box) {
  Surface copy = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, box, pixels_));
  const Box both = Intersection(box, top().surface.box());
  if (both.empty()) return copy;
  work_.Spend(both.pixels() * Work::kSolid);
  unsigned char* to = copy.bytes();
  unsigned char* from = top().surface.bytes();
  for (int y = both.y; y < both.y + both.height; ++y) {
    std::memcpy(Row(copy, to, y, 4, both.x), Row(top().surface, from, y, 4, both.x), std::size_t{4} * static_cast<std::size_t>(both.width));
  }
  copy.Changed();
  return copy;
}

fig::Outcome<Nothing> Layers::Become(const Surface& surface, const Surface* mask) {
  Box box = Intersection(surface.box(), top().Clip());
  if (mask != nullptr) box = Intersection(box, mask->box());
  if (box.empty()) return Nothing{};
  work_.Spend(box.pixels() * Work::kGradient);
  std::optional<Surface> edges;
  if (!IsWhole(top().clip)) {
    edges = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, box, pixels_));
    const scene::Rect& clip = top().clip;
    const ContextPtr context = edges->Draw();
    cairo_rectangle(context.get(), clip.x, clip.y, clip.width, clip.height);
    cairo_fill(context.get());
    FIG_TRY(raster::Check(context.get()));
  }
  Surface& below = top().surface;
  unsigned char* to_bytes = below.bytes();
  unsigned char* from_bytes = surface.bytes();
  unsigned char* mask_bytes = mask == nullptr ? nullptr : mask->bytes();
  unsigned char* edge_bytes = edges ? edges->bytes() : nullptr;
  for (int y = box.y; y < box.y + box.height; ++y) {
    auto* to = reinterpret_cast<std::uint32_t*>(Row(below, to_bytes, y, 4, box.x));
    const auto* from = reinterpret_cast<const std::uint32_t*>(Row(surface, from_bytes, y, 4, box.x));
    BecomeRow(to, from, mask == nullptr ? nullptr : Row(*mask, mask_bytes, y, 1, box.x),
              edges ? Row(*edges, edge_bytes, y, 1, box.x) : nullptr, box.width);
  }
  below.Changed();
  return Nothing{};
}

}  // namespace raster
