// Gradients as patterns in the picture's coordinates.
#pragma once

#include "raster/surface.h"
#include "scene/scene.h"

namespace raster {

PatternPtr Transparent();
// cairo's pattern matrix goes from the user's space to the pattern's. False: there is none.
bool SetMatrix(cairo_pattern_t* pattern, const scene::Matrix& pattern_to_picture);

PatternPtr LinearPattern(const scene::Paint& paint, double opacity, const scene::Matrix& node_to_picture);
PatternPtr RadialPattern(const scene::Paint& paint, double opacity, const scene::Matrix& node_to_picture);

// Angular and diamond, pixel by pixel: cairo has no pattern for them. Angular: the turn from the positive x
// axis, clockwise. Diamond: (|x| + |y|) / radius.
void Shade(Surface& surface, const scene::Paint& paint, double opacity, const scene::Matrix& picture_to_gradient);

}  // namespace raster
