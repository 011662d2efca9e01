#include "scene/bounds.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "scene/outlines.h"

namespace scene {
namespace {

// A straight line has an area of nothing, and still a place: it counts by a hair.
constexpr double kHair = 1e-3;

Rect BoundsOf(const std::vector<Shape>& shapes) {
  Rect all;
  for (const Shape& shape : shapes) {
    Rect rect = shape.outline->bounds;
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

// Three deviations of a Gaussian; its radius is two.
double SeenBlur(double radius, double most) { return 1.5 * std::clamp(radius, 0.0, most); }

Rect WithEffects(const Node& node, const Rect& rect, double most) {
  if (rect.empty()) return rect;
  Rect all = rect;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kDropShadow) {
      Rect shadow = Grown(rect, SeenBlur(effect.radius, most) + std::clamp(effect.spread, -most, most));
      shadow.x += effect.offset.x;
      shadow.y += effect.offset.y;
      all = Union(all, shadow);
    }
  }
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kLayerBlur) all = Grown(all, SeenBlur(effect.radius, most));
  }
  return all;
}

// Where a mask lets something through: an outline's does so without paint.
Rect MaskBounds(const Node& mask, const Reach& reach) {
  return Bounds(mask.transform, mask.mask == Mask::kOutline ? Union(reach.full, BoundsOf(mask.clip_shapes)) : reach.full);
}

}  // namespace

// Parents stand before their children: from the back, every node has all of its children's bounds when
// its own are asked for. Siblings are joined in their order, since a mask cuts what comes behind it.
std::vector<Reach> Reaches(const Scene& scene, double most_radius) {
  std::vector<Reach> reaches(scene.nodes.size());
  for (std::size_t i = scene.nodes.size(); i-- > 0;) {
    const Node& node = scene.nodes[i];
    Rect children;
    std::optional<Rect> mask;
    for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene.nodes[child].next_sibling) {
      const Node& below = scene.nodes[child];
      const Rect seen = Bounds(below.transform, reaches[child].full);
      if (below.mask != Mask::kNone) {
        const Rect through = MaskBounds(below, reaches[child]);
        mask = mask ? Intersection(*mask, through) : through;
      } else {
        children = Union(children, mask ? Intersection(*mask, seen) : seen);
      }
    }
    Reach& reach = reaches[i];
    reach.children = children;
    if (node.clips) children = Intersection(children, BoundsOf(node.clip_shapes));
    reach.own = OwnBounds(node);
    reach.content = Union(reach.own, children);
    reach.full = WithEffects(node, reach.content, most_radius);
  }
  return reaches;
}

namespace {

// The same in the root's coordinates, and exact: what is turned is not boxed before it is.
class RootBounds {
 public:
  explicit RootBounds(const Scene& scene) : scene_(scene), to_root_(scene.nodes.size()), reaches_(scene.nodes.size()) {
    for (std::size_t i = 0; i < scene.nodes.size(); ++i) {
      const Node& node = scene.nodes[i];
      to_root_[i] = node.parent == Node::kNone ? node.transform : to_root_[node.parent] * node.transform;
    }
  }

  Rect OfAll() {
    for (std::size_t i = scene_.nodes.size(); i-- > 0;) {
      const Node& node = scene_.nodes[i];
      Both children = Children(node);
      if (node.clips) children = Cut(children, OfShapes(node.clip_shapes, to_root_[i]));
      // A box without paint has a place in the picture, and no shadow.
      const Rect box = node.is_frame ? Bounds(to_root_[i], {0, 0, node.width, node.height}) : Rect{};
      const Rect painted = Effected(node, to_root_[i], Union(Own(node, to_root_[i]), children.painted));
      reaches_[i] = {painted, Union(Union(box, children.boxed), painted)};
    }
    return reaches_[0].boxed;
  }

 private:
  struct Both {
    Rect painted;  // with shadows and blurs
    Rect boxed;    // and with the boxes of frames
  };
  static Both Cut(const Both& both, const Rect& to) { return {Intersection(both.painted, to), Intersection(both.boxed, to)}; }

  Both Children(const Node& node) const {
    Both all;
    std::optional<Rect> mask;
    for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene_.nodes[child].next_sibling) {
      const Both seen = mask ? Cut(reaches_[child], *mask) : reaches_[child];
      if (const Node& below = scene_.nodes[child]; below.mask != Mask::kNone) {
        const Rect area = below.mask == Mask::kOutline ? OfShapes(below.clip_shapes, to_root_[child]) : Rect{};
        const Rect through = Union(reaches_[child].painted, area);
        mask = mask ? Intersection(*mask, through) : through;
      } else {
        all = {Union(all.painted, seen.painted), Union(all.boxed, seen.boxed)};
      }
    }
    return all;
  }

  static Rect OfShapes(const std::vector<Shape>& shapes, const Matrix& to_root) {
    Rect all;
    for (const Shape& shape : shapes) {
      const Matrix matrix = to_root * shape.to_node;
      const bool upright = matrix.xy == 0 && matrix.yx == 0;
      Rect rect = upright ? Bounds(matrix, shape.outline->bounds) : ExactBounds(*shape.outline, matrix);
      rect.width = std::max(rect.width, kHair);
      rect.height = std::max(rect.height, kHair);
      all = Union(all, rect);
    }
    return all;
  }

  static Rect Own(const Node& node, const Matrix& to_root) {
    const Rect own = OfShapes(node.fills, to_root);
    if (node.strokes.empty()) return own;
    const Rect strokes = OfShapes(node.strokes, to_root);
    const bool inside = node.stroke_align == StrokeAlign::kInside;
    return Union(own, inside ? Intersection(strokes, OfShapes(node.clip_shapes, to_root)) : strokes);
  }

  static Rect Effected(const Node& node, const Matrix& to_root, const Rect& rect) {
    if (rect.empty()) return rect;
    const double x_scale = std::hypot(to_root.xx, to_root.xy), y_scale = std::hypot(to_root.yx, to_root.yy);
    const auto grown = [&](const Rect& from, double by) {
      const double x = by * x_scale, y = by * y_scale;
      return Rect{from.x - x, from.y - y, std::max(0.0, from.width + 2 * x), std::max(0.0, from.height + 2 * y)};
    };
    Rect all = rect;
    for (const Effect& effect : node.effects) {
      if (effect.type != Effect::Type::kDropShadow) continue;
      Rect shadow = grown(rect, effect.radius + effect.spread);
      shadow.x += to_root.xx * effect.offset.x + to_root.xy * effect.offset.y;
      shadow.y += to_root.yx * effect.offset.x + to_root.yy * effect.offset.y;
      all = Union(all, shadow);
    }
    for (const Effect& effect : node.effects) {
      if (effect.type == Effect::Type::kLayerBlur) all = grown(all, effect.radius);
    }
    return all;
  }

  const Scene& scene_;
  std::vector<Matrix> to_root_;
  std::vector<Both> reaches_;
};

}  // namespace

Rect RenderBounds(const Scene& scene) { return scene.nodes.empty() ? Rect{} : RootBounds(scene).OfAll(); }

}  // namespace scene
