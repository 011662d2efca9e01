// Outlines that leave the range of cairo's numbers, cut to what can be seen.
#pragma once

#include <vector>

#include "raster/work.h"
#include "scene/scene.h"

namespace raster {

// Coordinates of the picture within which cairo, which counts in 1/256 of a pixel in 32 bits, is safe
// with room for the width of strokes. Surfaces lie well within kWindow.
constexpr double kSafe = 1 << 22, kWindow = 1 << 17;

// Closed polygons whose areas are, inside the window, those of the outline by either winding rule.
// Coordinates that are no numbers are taken for 0. Ends early when the work is spent.
std::vector<std::vector<scene::Point>> NearPolygons(const scene::Outline& outline, const scene::Matrix& to_picture, Work& work);

}  // namespace raster
