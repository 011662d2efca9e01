// Gradients that cairo has no pattern for, pixel by pixel.
#pragma once

#include <vector>

#include "raster/surface.h"
#include "scene/scene.h"

namespace raster {

// Angular: t is the turn from the positive x axis, clockwise. Diamond: t = (|x| + |y|) / radius.
// `to_gradient`: from the picture's coordinates to gradient space.
void Shade(Surface& surface, const scene::Paint& paint, const scene::Matrix& to_gradient);

}  // namespace raster
