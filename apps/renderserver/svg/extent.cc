#include "svg/extent.h"

#include <algorithm>
#include <cmath>

namespace svg {
namespace {

using scene::Matrix;
using scene::Node;
using scene::Rect;

bool Sane(const Rect& rect) {
  constexpr double kLargest = 1e9;
  for (const double value : {rect.x, rect.y, rect.width, rect.height}) {
    if (!(std::abs(value) < kLargest)) return false;  // NaN as well
  }
  return true;
}

}  // namespace

std::vector<Extent> Extents(const scene::Scene& scene) {
  std::vector<Extent> extents;
  extents.reserve(scene.nodes.size());
  for (const scene::Reach& reach : scene::Reaches(scene, fig::Budget().blur_radius)) extents.push_back({reach, {}, {}, true});
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Node& node = scene.nodes[i];
    extents[i].to_root = node.parent == Node::kNone ? node.transform : extents[node.parent].to_root * node.transform;
    Matrix inverse;
    if (scene::Invert(extents[i].to_root, &inverse)) extents[i].visible = scene::Bounds(inverse, scene.region);
  }
  for (std::size_t i = extents.size(); i-- > 0;) {
    Extent& extent = extents[i];
    extent.certain = extent.certain && Sane(extent.visible) && Sane(extent.full);
    if (scene.nodes[i].parent != Node::kNone && !extent.certain) extents[scene.nodes[i].parent].certain = false;
  }
  return extents;
}

Rect Grown(const Rect& rect, double by) {
  if (rect.empty() && by <= 0) return rect;
  return {rect.x - by, rect.y - by, rect.width + 2 * by, rect.height + 2 * by};
}

Rect Moved(const Rect& rect, const scene::Point& by) { return {rect.x + by.x, rect.y + by.y, rect.width, rect.height}; }

double LimitedRadius(double radius) {
  static const double kMost = fig::Budget().blur_radius;
  return std::clamp(radius, -kMost, kMost);
}

double BlurReach(double radius) { return radius > 0 ? 1.5 * LimitedRadius(radius) + 1 : 0; }  // three deviations

Rect ShadowExtent(const scene::Effect& effect, const Rect& source) {
  if (source.empty()) return source;
  const Rect shadow = Moved(Grown(source, LimitedRadius(effect.spread) + BlurReach(effect.radius)), effect.offset);
  return shadow.empty() ? Rect{} : shadow;
}

Rect ShapesExtent(const std::vector<scene::Shape>& shapes) {
  Rect extent;
  for (const scene::Shape& shape : shapes) {
    if (shape.outline != nullptr) extent = scene::Union(extent, scene::Bounds(shape.to_node, shape.outline->bounds));
  }
  return extent;
}

}  // namespace svg
