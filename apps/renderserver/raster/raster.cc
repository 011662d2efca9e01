#include "raster/raster.h"

#include <algorithm>
#include <cmath>
#include <cstring>
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
  const bool thumbnail = options.longest_side != 0, both = thumbnail && scene.fit == scene::Scene::Fit::kBothSides;
  const double scale = thumbnail ? ThumbnailScale(scene, options.longest_side) : options.scale;
  if (!(std::isfinite(scale) && scale > 0)) return Fault{FaultClass::kGeometry, "a scale that is no number above 0", Fault::kNowhere, ""};
  const scene::Rounding rounding = both ? scene::Rounding::kUp : scene::Rounding::kNearest;
  const double width = scene::WholePixels(region.width, scale, rounding), height = scene::WholePixels(region.height, scale, rounding);
  if (!(width <= budget.output_side && height <= budget.output_side) || width * height > static_cast<double>(budget.output_pixels)) {
    return Fault{FaultClass::kBudget, "a picture of more than " + std::to_string(budget.output_side) + " pixels a side, or " +
                     std::to_string(budget.output_pixels) + " in all", Fault::kNowhere, ""};
  }
  return Size{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), scale};
}

fig::Outcome<Picture> PaintScene(const scene::Scene& scene, const Options& options, const fig::Budget& budget, std::vector<std::string>* remarks) {
  const scene::Rect& region = scene.region;
  const Size size = FIG_TRY(SizeFor(scene, options, budget));
  const double scale = size.scale;
  Picture picture;
  picture.width = size.width;
  picture.height = size.height;
  Painter painter(scene, budget, options.compositor, remarks);
  const Box box{0, 0, static_cast<int>(size.width), static_cast<int>(size.height)};
  const scene::Matrix to_picture{scale, 0, 0, scale, -region.x * scale, -region.y * scale};
  const Surface surface = FIG_TRY(painter.Paint(box, to_picture));
  picture.pixels.resize(std::size_t{size.width} * size.height);
  const unsigned char* bytes = surface.bytes();
  for (std::size_t y = 0; y < size.height; ++y) {
    std::memcpy(picture.pixels.data() + y * size.width, bytes + y * static_cast<std::size_t>(surface.stride()), std::size_t{4} * size.width);
  }
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
    return Fault{FaultClass::kBudget, "no memory for the picture", Fault::kNowhere, ""};
  }
}

}  // namespace raster
