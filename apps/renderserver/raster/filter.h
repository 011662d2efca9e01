// The colour adjustments of an image paint. Figma does not publish its formulas: these are the usual ones.
#pragma once

#include <string>

#include "raster/image.h"

namespace raster {

std::string FilterKey(const fig::PaintFilter& filter);  // the same for the same adjustments
void ApplyFilter(const fig::PaintFilter& filter, Image& image);

}  // namespace raster
