#include "raster/surface.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace raster {
namespace {

constexpr double kFar = 1 << 28;

}  // namespace

Box Intersection(const Box& a, const Box& b) {
  const int left = std::max(a.x, b.x), top = std::max(a.y, b.y);
  const int right = std::min(a.x + a.width, b.x + b.width), bottom = std::min(a.y + a.height, b.y + b.height);
  return {left, top, std::max(0, right - left), std::max(0, bottom - top)};
}

Box Grown(const Box& box, int by) {
  return box.empty() ? box : Box{box.x - by, box.y - by, box.width + 2 * by, box.height + 2 * by};
}

Box RoundOut(const scene::Rect& rect) {
  if (rect.empty()) return {};
  if (!std::isfinite(rect.x + rect.y + rect.width + rect.height)) return {};
  const auto clamp = [](double value) { return static_cast<int>(std::clamp(value, -kFar, kFar)); };
  const int left = clamp(std::floor(rect.x)), top = clamp(std::floor(rect.y));
  const int right = clamp(std::ceil(rect.x + rect.width)), bottom = clamp(std::ceil(rect.y + rect.height));
  return {left, top, right - left, bottom - top};
}

fig::Outcome<fig::Nothing> Pixels::Take(std::uint64_t pixels) {
  using fig::Fault;
  if (pixels > budget_.live_layer_pixels || live_ > budget_.live_layer_pixels - pixels) {
    return Fault{fig::FaultClass::kBudget, "layers of more than " + std::to_string(budget_.live_layer_pixels) + " pixels at once", Fault::kNowhere, ""};
  }
  if (pixels > budget_.layer_pixels || sum_ > budget_.layer_pixels - pixels) {
    return Fault{fig::FaultClass::kBudget, "layers of more than " + std::to_string(budget_.layer_pixels) + " pixels in all", Fault::kNowhere, ""};
  }
  live_ += pixels;
  sum_ += pixels;
  return fig::Nothing{};
}

fig::Fault CairoFault(cairo_status_t status) {
  const bool memory = status == CAIRO_STATUS_NO_MEMORY;
  return {memory ? fig::FaultClass::kMemory : fig::FaultClass::kGeometry, std::string("cairo: ") + cairo_status_to_string(status), fig::Fault::kNowhere, ""};
}

Surface& Surface::operator=(Surface&& other) noexcept {
  if (this == &other) return *this;
  Drop();
  surface_ = std::move(other.surface_);
  box_ = other.box_;
  pixels_ = std::exchange(other.pixels_, nullptr);
  return *this;
}

void Surface::Drop() {
  if (surface_ && pixels_ != nullptr) pixels_->GiveBack(box_.pixels());
  surface_.reset();
}

fig::Outcome<Surface> Surface::Make(cairo_format_t format, const Box& box, Pixels& pixels) {
  FIG_TRY(pixels.Take(box.pixels()));
  Surface made;
  made.surface_.reset(cairo_image_surface_create(format, std::max(1, box.width), std::max(1, box.height)));
  made.box_ = box;
  made.pixels_ = &pixels;
  const cairo_status_t status = cairo_surface_status(made.surface_.get());
  if (status != CAIRO_STATUS_SUCCESS) return CairoFault(status);
  cairo_surface_set_device_offset(made.surface_.get(), -box.x, -box.y);
  return made;
}

ContextPtr Surface::Draw() const {
  ContextPtr context(cairo_create(surface_.get()));
  if (pixels_ != nullptr) SetEdges(context.get(), pixels_->edges());
  return context;
}

unsigned char* Surface::bytes() const {
  cairo_surface_flush(surface_.get());
  return cairo_image_surface_get_data(surface_.get());
}

void SetEdges(cairo_t* context, Edges edges) {
  cairo_set_antialias(context, edges == Edges::kHard ? CAIRO_ANTIALIAS_NONE : CAIRO_ANTIALIAS_DEFAULT);
}

cairo_matrix_t ToCairo(const scene::Matrix& m) { return {m.xx, m.yx, m.xy, m.yy, m.x0, m.y0}; }

}  // namespace raster
