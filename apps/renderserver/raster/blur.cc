#include "raster/blur.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "raster/lines.h"

namespace raster {
namespace {

using fig::Nothing;

constexpr double kLeast = 0.3;  // of a pixel: less cannot be seen
// A blur of a picture with a factor-th of the pixels has at least this deviation in those.
constexpr double kFineDeviation = 3;

int FactorFor(double deviation) {
  int factor = 1;
  while (deviation / factor > 2 * kFineDeviation && factor < 64) factor *= 2;
  return factor;
}

// Taking means of `factor` pixels and drawing lines between them is a blur itself: of the variance of a box
// and of a triangle. What remains to be done:
double Remaining(double deviation, int factor) {
  if (factor == 1) return deviation;
  const double small = deviation / factor;
  return std::sqrt(small * small - 1.0 / 12 - 1.0 / 6);
}

// In pixels of factor x factor of the picture.
Box Shrunk(const Box& box, int factor) {
  const auto down = [factor](int value) { return static_cast<int>(std::floor(static_cast<double>(value) / factor)); };
  const int left = down(box.x), top = down(box.y);
  return {left, top, down(box.x + box.width - 1) + 1 - left, down(box.y + box.height - 1) + 1 - top};
}

int Channels(const Surface& surface) { return cairo_image_surface_get_format(surface.get()) == CAIRO_FORMAT_A8 ? 1 : 4; }

fig::Outcome<Nothing> BlurFine(Surface& surface, double deviation, const BlurTools& tools) {
  const Box& box = surface.box();
  if (deviation < kLeast || box.empty()) return Nothing{};
  tools.work.Spend(box.pixels() * Work::kBlur);
  if (tools.compositor != nullptr) return tools.compositor->Blur(surface, deviation);
  BlurRows({surface.bytes(), surface.stride(), box.width, box.height, Channels(surface)}, deviation);
  BlurColumns({surface.bytes(), surface.stride(), box.width, box.height, Channels(surface)}, deviation);
  surface.Changed();
  return Nothing{};
}

// `small` has factor-th as many pixels each way.
fig::Outcome<Nothing> Enlarge(const Surface& small, int factor, const Surface& whole) {
  const ContextPtr context = whole.Draw();
  cairo_scale(context.get(), factor, factor);
  cairo_set_source_surface(context.get(), small.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context.get()), factor > 1 ? CAIRO_FILTER_BILINEAR : CAIRO_FILTER_NEAREST);
  cairo_set_operator(context.get(), CAIRO_OPERATOR_SOURCE);
  cairo_paint(context.get());
  const cairo_status_t status = cairo_status(context.get());
  if (status != CAIRO_STATUS_SUCCESS) return CairoFault(status);
  return Nothing{};
}

// Means of factor x factor pixels; those outside of `from` are transparent.
void Shrink(const Surface& from, int factor, Surface& to) {
  const int channels = Channels(from);
  std::vector<std::uint32_t> sums(static_cast<std::size_t>(to.box().width) * static_cast<std::size_t>(channels));
  const unsigned char* bytes = from.bytes();
  unsigned char* small = to.bytes();
  const auto all = static_cast<std::uint32_t>(factor) * static_cast<std::uint32_t>(factor);
  for (int y = 0; y < to.box().height; ++y) {
    std::fill(sums.begin(), sums.end(), all / 2);
    for (int k = 0; k < factor; ++k) {
      const int row = (to.box().y + y) * factor + k - from.box().y;
      if (row < 0 || row >= from.box().height) continue;
      const unsigned char* line = bytes + static_cast<std::ptrdiff_t>(row) * from.stride();
      for (int x = 0; x < from.box().width; ++x) {
        const int column = static_cast<int>(std::floor(static_cast<double>(from.box().x + x) / factor)) - to.box().x;
        for (int c = 0; c < channels; ++c) sums[static_cast<std::size_t>(column * channels + c)] += line[x * channels + c];
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) small[static_cast<std::ptrdiff_t>(y) * to.stride() + static_cast<std::ptrdiff_t>(i)] = static_cast<unsigned char>(sums[i] / all);
  }
  to.Changed();
}

}  // namespace

int BlurReach(double deviation) { return deviation < kLeast ? 0 : static_cast<int>(std::ceil(3 * deviation)) + 1; }

fig::Outcome<Nothing> Blur(Surface& surface, double deviation, const BlurTools& tools) {
  const int factor = FactorFor(deviation);
  if (factor == 1 || surface.box().empty()) return BlurFine(surface, deviation, tools);
  const cairo_format_t format = cairo_image_surface_get_format(surface.get());
  Surface small = FIG_TRY(Surface::Make(format, Grown(Shrunk(surface.box(), factor), 1), tools.pixels));
  tools.work.Spend(surface.box().pixels() * Work::kGradient);
  Shrink(surface, factor, small);
  FIG_TRY(BlurFine(small, Remaining(deviation, factor), tools));
  return Enlarge(small, factor, surface);
}

fig::Outcome<Surface> BlurredMask(double deviation, const Box& target, const BlurTools& tools, const std::function<void(cairo_t*)>& draw) {
  const int factor = FactorFor(deviation);
  Surface small = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, Grown(Shrunk(Grown(target, BlurReach(deviation)), factor), factor > 1 ? 1 : 0), tools.pixels));
  {
    const ContextPtr context = small.Draw();
    cairo_scale(context.get(), 1.0 / factor, 1.0 / factor);
    draw(context.get());
    const cairo_status_t status = cairo_status(context.get());
    if (status != CAIRO_STATUS_SUCCESS) return CairoFault(status);
  }
  FIG_TRY(BlurFine(small, Remaining(deviation, factor), tools));
  Surface whole = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, target, tools.pixels));
  tools.work.Spend(target.pixels() * Work::kGradient);
  FIG_TRY(Enlarge(small, factor, whole));
  return whole;
}

}  // namespace raster
