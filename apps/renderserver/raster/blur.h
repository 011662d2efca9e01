// Gaussian blurs of whole surfaces, by box filters: their cost does not depend on the radius.
#pragma once

#include "raster/surface.h"

namespace raster {

// How many pixels around something a blur of that deviation can be seen.
int BlurReach(double deviation);

// `surface`: A8 or ARGB32 (premultiplied). Outside of it everything is taken for transparent.
void Blur(Surface& surface, double deviation);

}  // namespace raster
