#include "raster/filter.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace raster {
namespace {

struct Rgb {
  float r, g, b;
};

float Luma(const Rgb& c) { return 0.2126F * c.r + 0.7152F * c.g + 0.0722F * c.b; }

template <typename Function>
void Each(Rgb& colour, Function function) {
  for (float* part : {&colour.r, &colour.g, &colour.b}) *part = function(*part);
}

void Saturate(Rgb& colour, float amount) {
  const float grey = Luma(colour);
  Each(colour, [&](float part) { return grey + (part - grey) * (1 + amount); });
}

Rgb Adjusted(Rgb colour, const fig::PaintFilter& filter) {
  const float exposure = std::exp2(filter.exposure);
  Each(colour, [&](float part) { return part * exposure + filter.brightness; });
  const float contrast = filter.contrast >= 0 ? 1 + filter.contrast : 1 / (1 - filter.contrast);
  Each(colour, [&](float part) { return 0.5F + (part - 0.5F) * contrast; });
  // Light on the bright half, on the dark half.
  const float luma = std::clamp(Luma(colour), 0.0F, 1.0F);
  const float lift = 0.5F * (filter.highlights * luma * luma + filter.shadows * (1 - luma) * (1 - luma));
  Each(colour, [&](float part) { return part + lift; });
  colour.r += 0.2F * filter.temperature + 0.1F * filter.tint;
  colour.b -= 0.2F * filter.temperature - 0.1F * filter.tint;
  colour.g -= 0.1F * filter.tint;
  const float chroma = std::max({colour.r, colour.g, colour.b}) - std::min({colour.r, colour.g, colour.b});
  Saturate(colour, filter.saturation + filter.vibrance * (1 - std::clamp(chroma, 0.0F, 1.0F)));
  return colour;
}

fig::PaintFilter Clean(fig::PaintFilter filter) {
  for (float* part : {&filter.exposure, &filter.brightness, &filter.contrast, &filter.highlights, &filter.shadows, &filter.temperature,
                      &filter.tint, &filter.saturation, &filter.vibrance}) {
    *part = std::isfinite(*part) ? std::clamp(*part, -1.0F, 1.0F) : 0;
  }
  return filter;
}

}  // namespace

std::string FilterKey(const fig::PaintFilter& filter) {
  static_assert(sizeof(fig::PaintFilter) == 11 * sizeof(float), "no gaps: its bytes are a key");
  return "|" + std::string(reinterpret_cast<const char*>(&filter), sizeof(filter));
}

void ApplyFilter(const fig::PaintFilter& given, Image& image) {
  const fig::PaintFilter filter = Clean(given);
  for (std::uint32_t& pixel : image.pixels) {
    const std::uint32_t alpha = pixel >> 24;
    if (alpha == 0) continue;
    const float whole = static_cast<float>(alpha);
    const Rgb colour = Adjusted({static_cast<float>(pixel >> 16 & 0xff) / whole, static_cast<float>(pixel >> 8 & 0xff) / whole,
                                 static_cast<float>(pixel & 0xff) / whole}, filter);
    const auto part = [](float value) { return static_cast<std::uint32_t>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255)); };
    pixel = Premultiplied(part(colour.r), part(colour.g), part(colour.b), alpha);
  }
}

}  // namespace raster
