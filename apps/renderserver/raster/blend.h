// How a layer or a paint goes onto what is below.
#pragma once

#include "raster/surface.h"
#include "scene/scene.h"

namespace raster {

inline bool IsPlain(scene::BlendMode mode) { return mode == scene::BlendMode::kPassThrough || mode == scene::BlendMode::kNormal; }
// LINEAR_BURN has none: OVER, and BurnInto does it.
cairo_operator_t OperatorOf(scene::BlendMode mode);

// Linear burn: backdrop + source - 1, where `layer` covers; both premultiplied ARGB32 in the picture's
// coordinates. `target` lies within `layer`.
void BurnInto(Surface& target, const Surface& layer, double opacity);

}  // namespace raster
