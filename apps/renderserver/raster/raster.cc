#include "raster/raster.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "raster/painter.h"

namespace raster {
namespace {

using fig::Fault;
using fig::FaultClass;

struct Size {
  std::uint32_t width, height;
  double scale;
};

fig::Outcome<Size> SizeFor(const scene::Scene& scene, const Options& options, const fig::Budget& budget) {
  const scene::Rect& region = scene.region;
  const bool thumbnail = options.longest_side != 0;
  const double scale = thumbnail ? ThumbnailScale(scene, options.longest_side) : options.scale;
  if (!(std::isfinite(scale) && scale > 0)) return Fault{FaultClass::kGeometry, "a scale that is no number above 0", Fault::kNowhere, ""};
  const bool nearest = thumbnail && scene.fit == scene::Scene::Fit::kLongestSide;
  const scene::Rounding rounding = nearest ? scene::Rounding::kNearest : scene::Rounding::kUp;
  const double width = scene::WholePixels(region.width, scale, rounding), height = scene::WholePixels(region.height, scale, rounding);
  if (!(width <= budget.output_side && height <= budget.output_side) || width * height > static_cast<double>(budget.output_pixels)) {
    return Fault{FaultClass::kBudget, "a picture of more than " + std::to_string(budget.output_side) + " pixels a side, or " +
                     std::to_string(budget.output_pixels) + " in all", Fault::kNowhere, ""};
  }
  return Size{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), scale};
}

// Two channels at a time: four bytes add up to less than 16 bits.
std::uint32_t Mean(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  constexpr std::uint32_t kHalf = 0x00ff00ff, kRound = 0x00020002;
  const std::uint32_t even = (a & kHalf) + (b & kHalf) + (c & kHalf) + (d & kHalf) + kRound;
  const std::uint32_t odd = (a >> 8 & kHalf) + (b >> 8 & kHalf) + (c >> 8 & kHalf) + (d >> 8 & kHalf) + kRound;
  return (even >> 2 & kHalf) | (odd >> 2 & kHalf) << 8;
}

// A picture from a surface of as many pixels, or of two by two for each.
void Take(const Surface& surface, std::uint32_t side, Picture* picture) {
  const unsigned char* bytes = surface.bytes();
  const auto stride = static_cast<std::size_t>(surface.stride());
  const auto line = [&](std::size_t y) { return reinterpret_cast<const std::uint32_t*>(bytes + y * stride); };
  picture->pixels.reserve(std::size_t{picture->width} * picture->height);
  for (std::size_t y = 0; y < picture->height; ++y) {
    if (side == 1) picture->pixels.insert(picture->pixels.end(), line(y), line(y) + picture->width);
    if (side == 1) continue;
    const std::uint32_t *upper = line(2 * y), *lower = line(2 * y + 1);
    for (std::size_t x = 0; x < picture->width; ++x, upper += 2, lower += 2) {
      picture->pixels.push_back(Mean(upper[0], upper[1], lower[0], lower[1]));
    }
  }
}

Edges EdgesFor(const scene::Scene& scene, const Options& options, double scale) {
  constexpr double kLeastHard = 0.25;
  const bool hard = options.sampling == Sampling::kThumbnail && scene.edges == scene::Scene::Edges::kFourSamples && scale >= kLeastHard;
  return hard ? Edges::kHard : Edges::kSmooth;
}

fig::Outcome<Picture> PaintScene(const scene::Scene& scene, const Options& options, const fig::Budget& budget, std::vector<std::string>* remarks) {
  const scene::Rect& region = scene.region;
  const Size size = FIG_TRY(SizeFor(scene, options, budget));
  const std::uint32_t side = options.sampling == Sampling::kThumbnail ? 2 : 1;
  const double scale = size.scale * side;
  Picture picture;
  picture.width = size.width;
  picture.height = size.height;
  Painter painter(scene, budget, options.compositor, EdgesFor(scene, options, size.scale), remarks);
  const Box box{0, 0, static_cast<int>(side * size.width), static_cast<int>(side * size.height)};
  const scene::Matrix to_picture{scale, 0, 0, scale, -region.x * scale, -region.y * scale};
  const Surface surface = FIG_TRY(painter.Paint(box, to_picture));
  Take(surface, side, &picture);
  return picture;
}

}  // namespace

double ThumbnailScale(const scene::Scene& scene, double longest_side) {
  const scene::Rect& region = scene.region;
  const double fits = longest_side / std::max(region.width, region.height);
  if (scene.fit == scene::Scene::Fit::kLongestSide) return fits;
  return std::min(std::max(1.0, std::round(region.width * fits)) / region.width, std::max(1.0, std::round(region.height * fits)) / region.height);
}

fig::Outcome<Picture> Paint(const scene::Scene& scene, const Options& options, const fig::Budget& budget, std::vector<std::string>* remarks) {
  try {
    return PaintScene(scene, options, budget, remarks);
  } catch (const std::bad_alloc&) {
    return fig::NoMemory("picture");
  }
}

}  // namespace raster
