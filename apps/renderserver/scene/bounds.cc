#include "scene/bounds.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace scene {
namespace {

Rect BoundsOf(const std::vector<Shape>& shapes) {
  Rect all;
  for (const Shape& shape : shapes) {
    // A straight line has an area of nothing, and still a place: it counts by a hair.
    Rect rect = shape.outline->bounds;
    constexpr double kHair = 1e-3;
    rect.width = std::max(rect.width, kHair);
    rect.height = std::max(rect.height, kHair);
    all = Union(all, Bounds(shape.to_node, rect));
  }
  return all;
}

Rect Grown(const Rect& rect, double by) {
  return {rect.x - by, rect.y - by, std::max(0.0, rect.width + 2 * by), std::max(0.0, rect.height + 2 * by)};
}

// What the node itself adds to its children, in its own coordinates.
Rect OwnBounds(const Node& node) {
  Rect own = BoundsOf(node.fills);
  const Rect stroke = BoundsOf(node.strokes);
  if (node.strokes.empty()) return own;
  return Union(own, node.stroke_align == StrokeAlign::kInside ? Intersection(stroke, BoundsOf(node.clip_shapes)) : stroke);
}

Rect WithEffects(const Node& node, const Rect& rect) {
  if (rect.empty()) return rect;
  Rect all = rect;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kDropShadow) {
      Rect shadow = Grown(rect, effect.radius + effect.spread);
      shadow.x += effect.offset.x;
      shadow.y += effect.offset.y;
      all = Union(all, shadow);
    }
  }
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kLayerBlur) all = Grown(all, effect.radius);
  }
  return all;
}

}  // namespace

// Parents stand before their children: from the back, every node has all of its children's bounds when
// its own are asked for. Siblings are joined in their order, since a mask cuts what comes behind it.
std::vector<Reach> Reaches(const Scene& scene) {
  std::vector<Reach> reaches(scene.nodes.size());
  for (std::size_t i = scene.nodes.size(); i-- > 0;) {
    const Node& node = scene.nodes[i];
    Rect children;
    std::optional<Rect> mask;
    for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene.nodes[child].next_sibling) {
      const Node& below = scene.nodes[child];
      const Rect seen = Bounds(below.transform, reaches[child].full);
      if (below.mask != Mask::kNone) {
        mask = mask ? Intersection(*mask, seen) : seen;
      } else {
        children = Union(children, mask ? Intersection(*mask, seen) : seen);
      }
    }
    if (node.clips) children = Intersection(children, BoundsOf(node.clip_shapes));
    Reach& reach = reaches[i];
    reach.own = OwnBounds(node);
    reach.content = Union(reach.own, children);
    reach.full = WithEffects(node, reach.content);
  }
  return reaches;
}

Rect RenderBounds(const Scene& scene) { return scene.nodes.empty() ? Rect{} : Reaches(scene)[0].full; }

}  // namespace scene
