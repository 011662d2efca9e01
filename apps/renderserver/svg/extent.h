// How far each node reaches, and what of it can be seen: regions of filters and masks are as small as
// they may be, and what lies outside the picture is left out.
#pragma once

#include <cstdint>
#include <vector>

#include "scene/bounds.h"
#include "scene/scene.h"

namespace svg {

// All in the node's own coordinates.
struct Extent : scene::Reach {
  scene::Rect visible;  // the picture's region
  scene::Matrix to_root;
  bool certain = true;  // false: its numbers grew beyond sense; do not leave it out
};

// By node, in the order of Scene::nodes.
std::vector<Extent> Extents(const scene::Scene& scene);

scene::Rect Grown(const scene::Rect& rect, double by);
scene::Rect Moved(const scene::Rect& rect, const scene::Point& by);

// No viewer is asked for more, whatever the file says: a blur costs by its radius.
double LimitedRadius(double radius);

// How far a Gaussian of that radius (twice its deviation) can be seen.
double BlurReach(double radius);

// What an effect's source covers afterwards.
scene::Rect ShadowExtent(const scene::Effect& effect, const scene::Rect& source);

scene::Rect ShapesExtent(const std::vector<scene::Shape>& shapes);

}  // namespace svg
