// Gaussian blurs of whole surfaces. They are weighted sums; wide ones have no detail, are made of fewer
// pixels and look the same, so that the cost does not grow with the radius.
#pragma once

#include <functional>

#include "raster/compositor.h"
#include "raster/surface.h"
#include "raster/work.h"

namespace raster {

// How many pixels around something a blur of that deviation can be seen.
int BlurReach(double deviation);

struct BlurTools {
  Pixels& pixels;
  Work& work;
  Compositor* compositor;  // null: this processor
};

// `surface`: A8 or ARGB32 (premultiplied). Outside of it everything is taken for transparent.
fig::Outcome<fig::Nothing> Blur(Surface& surface, double deviation, const BlurTools& tools);

// An A8 surface over `target` of what `draw` draws, blurred. `draw` uses the picture's coordinates, opaque
// for what casts; it may be asked for a picture of fewer pixels.
fig::Outcome<Surface> BlurredMask(double deviation, const Box& target, const BlurTools& tools, const std::function<void(cairo_t*)>& draw);

}  // namespace raster
