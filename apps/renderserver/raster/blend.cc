#include "raster/blend.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace raster {
namespace {

using scene::BlendMode;

unsigned Part(std::uint32_t pixel, unsigned shift) { return pixel >> shift & 0xff; }

// Of one channel, all of 0..1 and premultiplied; W3C "Compositing and Blending", 5.8.
double Burn(double source, double source_alpha, double backdrop, double backdrop_alpha) {
  const double cs = source_alpha > 0 ? source / source_alpha : 0, cb = backdrop_alpha > 0 ? backdrop / backdrop_alpha : 0;
  const double mixed = std::max(0.0, cs + cb - 1);
  return source * (1 - backdrop_alpha) + backdrop * (1 - source_alpha) + source_alpha * backdrop_alpha * mixed;
}

std::uint32_t BurnPixel(std::uint32_t source, std::uint32_t backdrop, double opacity) {
  const double sa = Part(source, 24) / 255.0 * opacity, ba = Part(backdrop, 24) / 255.0;
  const auto round = [](double value) { return static_cast<std::uint32_t>(std::lround(std::clamp(value, 0.0, 1.0) * 255)); };
  std::uint32_t result = round(sa + ba - sa * ba) << 24;
  for (const unsigned shift : {0U, 8U, 16U}) {
    result |= round(Burn(Part(source, shift) / 255.0 * opacity, sa, Part(backdrop, shift) / 255.0, ba)) << shift;
  }
  return result;
}

}  // namespace

cairo_operator_t OperatorOf(BlendMode mode) {
  switch (mode) {
    case BlendMode::kPassThrough:
    case BlendMode::kNormal:
    case BlendMode::kLinearBurn: return CAIRO_OPERATOR_OVER;
    case BlendMode::kDarken: return CAIRO_OPERATOR_DARKEN;
    case BlendMode::kMultiply: return CAIRO_OPERATOR_MULTIPLY;
    case BlendMode::kColorBurn: return CAIRO_OPERATOR_COLOR_BURN;
    case BlendMode::kLighten: return CAIRO_OPERATOR_LIGHTEN;
    case BlendMode::kScreen: return CAIRO_OPERATOR_SCREEN;
    case BlendMode::kLinearDodge: return CAIRO_OPERATOR_ADD;
    case BlendMode::kColorDodge: return CAIRO_OPERATOR_COLOR_DODGE;
    case BlendMode::kOverlay: return CAIRO_OPERATOR_OVERLAY;
    case BlendMode::kSoftLight: return CAIRO_OPERATOR_SOFT_LIGHT;
    case BlendMode::kHardLight: return CAIRO_OPERATOR_HARD_LIGHT;
    case BlendMode::kDifference: return CAIRO_OPERATOR_DIFFERENCE;
    case BlendMode::kExclusion: return CAIRO_OPERATOR_EXCLUSION;
    case BlendMode::kHue: return CAIRO_OPERATOR_HSL_HUE;
    case BlendMode::kSaturation: return CAIRO_OPERATOR_HSL_SATURATION;
    case BlendMode::kColor: return CAIRO_OPERATOR_HSL_COLOR;
    case BlendMode::kLuminosity: return CAIRO_OPERATOR_HSL_LUMINOSITY;
  }
  return CAIRO_OPERATOR_OVER;
}

void BurnInto(Surface& target, const Surface& layer, double opacity) {
  const Box box = Intersection(target.box(), layer.box());
  if (box.empty()) return;
  unsigned char* to = target.bytes();
  const unsigned char* from = layer.bytes();
  for (int y = box.y; y < box.y + box.height; ++y) {
    auto* t = reinterpret_cast<std::uint32_t*>(to + static_cast<std::ptrdiff_t>(y - target.box().y) * target.stride()) + (box.x - target.box().x);
    const auto* f = reinterpret_cast<const std::uint32_t*>(from + static_cast<std::ptrdiff_t>(y - layer.box().y) * layer.stride()) + (box.x - layer.box().x);
    for (int x = 0; x < box.width; ++x) {
      if (f[x] != 0) t[x] = BurnPixel(f[x], t[x], opacity);
    }
  }
  target.Changed();
}

}  // namespace raster
