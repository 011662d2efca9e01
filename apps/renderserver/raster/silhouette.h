// What casts a node's shadow.
#pragma once

#include "raster/layers.h"
#include "raster/path.h"
#include "scene/scene.h"

namespace raster {

// The node's own area and its strokes say it all: they are opaque, and nothing sticks out of them.
bool HasOwnSilhouette(const scene::Node& node);

class Silhouette {
 public:
  // Of the node's own shapes. All must outlive it.
  Silhouette(const scene::Node& node, const scene::Matrix& to_picture) : node_(node), to_picture_(to_picture) {}
  // Of all that is on `content`, an ARGB32 surface.
  static fig::Outcome<Silhouette> Of(const scene::Node& node, const scene::Matrix& to_picture, const Surface& content, Layers& layers);

  // Whether it hides all of what would be seen of a shadow below it.
  bool hides() const { return !mask_.has_value(); }
  // Draws it; moved by `offset` and made wider by `spread`, in pixels.
  void Draw(cairo_t* context, scene::Point offset, double spread, Work& work) const;
  // Where that is.
  Box Bounds(scene::Point offset, double spread) const;

 private:
  const scene::Node& node_;
  scene::Matrix to_picture_;
  std::optional<Surface> mask_;  // A8; none: the node's own shapes
};

}  // namespace raster
