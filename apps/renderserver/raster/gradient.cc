#include "raster/gradient.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "raster/image.h"

namespace raster {
namespace {

using scene::ColourStop;
using scene::Matrix;
using scene::Point;

void AddStops(cairo_pattern_t* pattern, const std::vector<ColourStop>& stops, double opacity) {
  for (const ColourStop& stop : stops) {
    const scene::Colour& c = stop.colour;
    cairo_pattern_add_color_stop_rgba(pattern, stop.position, c.r, c.g, c.b, c.a * opacity);
  }
}

// The gradient's colours at equal steps: a pixel then costs one look.
class Ramp {
 public:
  Ramp(const std::vector<ColourStop>& stops, double opacity) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < kSteps; ++i) {
      const float t = static_cast<float>(i) / (kSteps - 1);
      while (next < stops.size() && stops[next].position <= t) ++next;
      scene::Colour colour = next == 0 ? stops.front().colour : next == stops.size() ? stops.back().colour : Mixed(stops[next - 1], stops[next], t);
      colour.a *= static_cast<float>(opacity);
      colours_[i] = Packed(colour);
    }
  }
  std::uint32_t At(double t) const {
    if (!(t > 0)) return colours_.front();
    return t < 1 ? colours_[static_cast<std::size_t>(t * (kSteps - 1) + 0.5)] : colours_.back();
  }

 private:
  static constexpr std::size_t kSteps = 2048;
  static std::uint32_t Packed(const scene::Colour& colour) {
    const auto part = [](float value) { return static_cast<std::uint32_t>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255)); };
    return Premultiplied(part(colour.r), part(colour.g), part(colour.b), part(colour.a));
  }
  static scene::Colour Mixed(const ColourStop& a, const ColourStop& b, float t) {
    const float part = (t - a.position) / (b.position - a.position);
    const auto mix = [part](float from, float to) { return from + (to - from) * part; };
    return {mix(a.colour.r, b.colour.r), mix(a.colour.g, b.colour.g), mix(a.colour.b, b.colour.b), mix(a.colour.a, b.colour.a)};
  }
  std::array<std::uint32_t, kSteps> colours_{};
};

// Around the circle the last stop leads on to the first.
std::vector<ColourStop> Around(std::vector<ColourStop> stops) {
  ColourStop before = stops.back(), after = stops.front();
  before.position -= 1;
  after.position += 1;
  stops.insert(stops.begin(), before);
  stops.push_back(after);
  return stops;
}

double Turn(double x, double y) {
  const double turn = std::atan2(y, x) / (2 * std::numbers::pi);
  return turn < 0 ? turn + 1 : turn;
}

}  // namespace

PatternPtr Transparent() { return PatternPtr(cairo_pattern_create_rgba(0, 0, 0, 0)); }

bool SetMatrix(cairo_pattern_t* pattern, const Matrix& pattern_to_picture) {
  Matrix inverse;
  if (!scene::Invert(pattern_to_picture, &inverse)) return false;
  const cairo_matrix_t matrix = ToCairo(inverse);
  cairo_pattern_set_matrix(pattern, &matrix);
  return true;
}

// cairo keeps the numbers of a pattern's matrix as 1/65536: a gradient of unit length, stretched to
// thousands of pixels by a matrix, ends pixels off. So the ends are given in pixels, and no matrix.
PatternPtr LinearPattern(const scene::Paint& paint, double opacity, const Matrix& node_to_picture) {
  const Matrix to_picture = node_to_picture * paint.to_node;
  Matrix to_gradient;
  if (!scene::Invert(to_picture, &to_gradient)) return Transparent();
  const Point begin = scene::Apply(to_picture, {0, 0.5});
  const double square = to_gradient.xx * to_gradient.xx + to_gradient.xy * to_gradient.xy;
  const Point end{begin.x + to_gradient.xx / square, begin.y + to_gradient.xy / square};
  if (!std::isfinite(begin.x + begin.y + end.x + end.y)) return Transparent();
  PatternPtr pattern(cairo_pattern_create_linear(begin.x, begin.y, end.x, end.y));
  AddStops(pattern.get(), paint.stops, opacity);
  return pattern;
}

// For the same reason the circle has about the size that it will be seen at.
PatternPtr RadialPattern(const scene::Paint& paint, double opacity, const Matrix& node_to_picture) {
  const Matrix m = node_to_picture * paint.to_node;
  const double radius = std::clamp(std::max(std::hypot(m.xx, m.yx), std::hypot(m.xy, m.yy)) / 2, 1.0, 16384.0);
  PatternPtr pattern(cairo_pattern_create_radial(0, 0, 0, 0, 0, radius));
  AddStops(pattern.get(), paint.stops, opacity);
  if (!SetMatrix(pattern.get(), m * Matrix{0.5 / radius, 0, 0, 0.5 / radius, 0.5, 0.5})) return Transparent();
  return pattern;
}

void Shade(Surface& surface, const scene::Paint& paint, double opacity, const Matrix& picture_to_gradient) {
  const bool angular = paint.type == scene::PaintType::kGradientAngular;
  const Ramp ramp(angular ? Around(paint.stops) : paint.stops, opacity);
  const Box& box = surface.box();
  unsigned char* bytes = surface.bytes();
  for (int y = 0; y < box.height; ++y) {
    auto* row = reinterpret_cast<std::uint32_t*>(bytes + static_cast<std::ptrdiff_t>(y) * surface.stride());
    for (int x = 0; x < box.width; ++x) {
      const Point at = scene::Apply(picture_to_gradient, {box.x + x + 0.5, box.y + y + 0.5});
      const double dx = at.x - 0.5, dy = at.y - 0.5;
      row[x] = ramp.At(angular ? Turn(dx, dy) : 2 * (std::fabs(dx) + std::fabs(dy)));
    }
  }
  surface.Changed();
}

}  // namespace raster
