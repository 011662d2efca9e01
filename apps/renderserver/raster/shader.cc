#include "raster/shader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "raster/image.h"

namespace raster {
namespace {

// The gradient's colours at equal steps: a pixel then costs one look.
class Ramp {
 public:
  explicit Ramp(const std::vector<scene::ColourStop>& stops) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < kSteps; ++i) {
      const float t = static_cast<float>(i) / (kSteps - 1);
      while (next < stops.size() && stops[next].position <= t) ++next;
      colours_[i] = next == 0 ? Packed(stops.front().colour) : next == stops.size() ? Packed(stops.back().colour) : Mixed(stops[next - 1], stops[next], t);
    }
  }
  std::uint32_t At(double t) const {
    if (!(t > 0)) return colours_.front();
    return colours_[std::min(kSteps - 1, static_cast<std::size_t>(t * (kSteps - 1) + 0.5))];
  }

 private:
  static constexpr std::size_t kSteps = 2048;
  static std::uint32_t Packed(const scene::Colour& colour) {
    const auto part = [](float value) { return static_cast<std::uint32_t>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255)); };
    return Premultiplied(part(colour.r), part(colour.g), part(colour.b), part(colour.a));
  }
  static std::uint32_t Mixed(const scene::ColourStop& a, const scene::ColourStop& b, float t) {
    const float part = (t - a.position) / (b.position - a.position);
    const auto mix = [part](float from, float to) { return from + (to - from) * part; };
    return Packed({mix(a.colour.r, b.colour.r), mix(a.colour.g, b.colour.g), mix(a.colour.b, b.colour.b), mix(a.colour.a, b.colour.a)});
  }
  std::array<std::uint32_t, kSteps> colours_{};
};

double Turn(double x, double y) {
  const double turn = std::atan2(y, x) / (2 * std::numbers::pi);
  return turn < 0 ? turn + 1 : turn;
}

}  // namespace

void Shade(Surface& surface, const scene::Paint& paint, const scene::Matrix& to_gradient) {
  const Ramp ramp(paint.stops);
  const Box& box = surface.box();
  unsigned char* bytes = surface.bytes();
  const bool angular = paint.type == scene::PaintType::kGradientAngular;
  for (int y = 0; y < box.height; ++y) {
    auto* row = reinterpret_cast<std::uint32_t*>(bytes + static_cast<std::ptrdiff_t>(y) * surface.stride());
    for (int x = 0; x < box.width; ++x) {
      const scene::Point at = scene::Apply(to_gradient, {box.x + x + 0.5, box.y + y + 0.5});
      const double dx = at.x - 0.5, dy = at.y - 0.5;
      row[x] = ramp.At(angular ? Turn(dx, dy) : 2 * (std::fabs(dx) + std::fabs(dy)));
    }
  }
  surface.Changed();
}

}  // namespace raster
