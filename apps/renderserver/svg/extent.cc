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

// Parents before children.
std::vector<std::uint32_t> PreOrder(const scene::Scene& scene) {
  std::vector<std::uint32_t> order, open;
  if (!scene.nodes.empty()) open.push_back(0);
  while (!open.empty()) {
    const std::uint32_t index = open.back();
    open.pop_back();
    order.push_back(index);
    for (std::uint32_t child = scene.nodes[index].first_child; child != Node::kNone; child = scene.nodes[child].next_sibling) {
      open.push_back(child);
    }
  }
  return order;
}

Rect WithEffects(const Node& node, const Extent& extent) {
  Rect full = extent.content;
  for (const scene::Effect& effect : node.effects) {
    if (effect.type == scene::Effect::Type::kDropShadow) full = scene::Union(full, ShadowExtent(effect, extent.content));
  }
  double reach = 0;
  for (const scene::Effect& effect : node.effects) {
    if (effect.type == scene::Effect::Type::kLayerBlur) reach += BlurReach(effect.radius);
  }
  return Grown(full, reach);
}

void Measure(const scene::Scene& scene, std::uint32_t index, std::vector<Extent>* extents) {
  const Node& node = scene.nodes[index];
  Extent& extent = (*extents)[index];
  Rect children;
  for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene.nodes[child].next_sibling) {
    children = scene::Union(children, scene::Bounds(scene.nodes[child].transform, (*extents)[child].full));
    extent.certain = extent.certain && (*extents)[child].certain;
  }
  extent.children = children;
  if (node.clips) children = scene::Intersection(children, ShapesExtent(node.clip_shapes));
  extent.own = scene::Union(ShapesExtent(node.fills), ShapesExtent(node.strokes));
  extent.content = scene::Union(extent.own, children);
  extent.full = WithEffects(node, extent);
  extent.certain = extent.certain && Sane(extent.full);
}

}  // namespace

std::vector<Extent> Extents(const scene::Scene& scene) {
  std::vector<Extent> extents(scene.nodes.size());
  const std::vector<std::uint32_t> order = PreOrder(scene);
  for (const std::uint32_t index : order) {
    const Node& node = scene.nodes[index];
    Matrix& to_root = extents[index].to_root;
    to_root = node.parent == Node::kNone ? node.transform : extents[node.parent].to_root * node.transform;
    Matrix inverse;
    if (scene::Invert(to_root, &inverse)) {
      extents[index].visible = scene::Bounds(inverse, scene.region);
    }
    extents[index].certain = Sane(extents[index].visible);
  }
  for (auto index = order.rbegin(); index != order.rend(); ++index) Measure(scene, *index, &extents);
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
