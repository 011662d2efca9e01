#include "svg/groups.h"

#include <algorithm>

#include "svg/shadows.h"

namespace svg {
namespace {

using scene::Node;
using scene::Outline;

bool Blends(scene::BlendMode mode) { return mode != scene::BlendMode::kPassThrough && mode != scene::BlendMode::kNormal; }

bool Blends(const std::vector<scene::Shape>& shapes) {
  for (const scene::Shape& shape : shapes) {
    if (shape.paints == nullptr) continue;
    for (const scene::Paint& paint : *shape.paints) {
      if (Blends(paint.blend)) return true;
    }
  }
  return false;
}

// A closed path of four sides, each along an axis.
bool IsRectangle(const scene::Shape& shape) {
  const Outline& outline = *shape.outline;
  const std::size_t count = outline.points.size() / 2;
  if (count < 4 || count > 5 || outline.commands.size() < count) return false;
  for (std::size_t i = 1; i < count; ++i) {
    if (outline.commands[i] != Outline::kLine) return false;
  }
  if (count == 5 && (outline.points[8] != outline.points[0] || outline.points[9] != outline.points[1])) return false;
  const auto at = [&outline](std::size_t corner) { return scene::Point{outline.points[corner % 4 * 2], outline.points[corner % 4 * 2 + 1]}; };
  const bool first_is_level = at(0).y == at(1).y;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool level = at(i).y == at(i + 1).y, upright = at(i).x == at(i + 1).x;
    if (level == upright || level != (first_is_level == (i % 2 == 0))) return false;
  }
  return shape.to_node.xy == 0 && shape.to_node.yx == 0;
}

bool EffectsBlend(const Node& node) {
  return std::any_of(node.effects.begin(), node.effects.end(), [](const scene::Effect& effect) { return Blends(effect.blend); });
}

}  // namespace

bool IsGroup(const Node& node) {
  return node.opacity < 1 || Blends(node.blend) || HasEffect(node, scene::Effect::Type::kLayerBlur);
}

bool IsIsolated(const Node& node) { return IsGroup(node) || HasEffect(node, scene::Effect::Type::kDropShadow); }

bool ClipMatters(const Node& node, const Extent& extent) {
  constexpr double kNothing = 1e-3;
  if (!node.clips || extent.children.empty()) return false;
  if (node.clip_shapes.size() != 1 || node.clip_shapes[0].outline == nullptr || !extent.certain) return true;
  if (!IsRectangle(node.clip_shapes[0])) return true;
  const scene::Rect area = Grown(ShapesExtent(node.clip_shapes), kNothing);
  const scene::Rect& inside = extent.children;
  return inside.x < area.x || inside.y < area.y || inside.x + inside.width > area.x + area.width ||
         inside.y + inside.height > area.y + area.height;
}

std::vector<bool> ChildrenThatBlend(const scene::Scene& scene) {
  std::vector<bool> blend(scene.nodes.size());
  for (std::size_t i = scene.nodes.size(); i-- > 1;) {
    const Node& node = scene.nodes[i];
    if (node.parent == Node::kNone) continue;
    const bool own = Blends(node.fills) || Blends(node.strokes) || blend[i];
    const bool passes = (!IsGroup(node) && EffectsBlend(node)) || (!IsIsolated(node) && own);
    if (Blends(node.blend) || passes) blend[node.parent] = true;
  }
  return blend;
}

}  // namespace svg
