// Who puts layers together and blurs them, when it is not cairo and blur.h on this processor.
#pragma once

#include "raster/surface.h"
#include "scene/scene.h"

namespace raster {

// Not thread-safe: one for each picture that is painted.
class Compositor {
 public:
  virtual ~Compositor() = default;
  // `backdrop` becomes what is seen when `source` lies on it; both premultiplied ARGB32, `source` counts
  // where it overlaps. Fails with kOutput.
  virtual fig::Outcome<fig::Nothing> Blend(Surface& backdrop, const Surface& source, double opacity, scene::BlendMode mode) = 0;
  // As raster::Blur.
  virtual fig::Outcome<fig::Nothing> Blur(Surface& surface, double deviation) = 0;
};

}  // namespace raster
