// Which groups a scene needs in SVG, where a clip isolates what is in it from what is below.
#pragma once

#include <cstdint>
#include <vector>

#include "scene/scene.h"
#include "svg/extent.h"

namespace svg {

// Whether a clip would take anything away: not where all children lie within a plain rectangle.
bool ClipMatters(const scene::Node& node, const Extent& extent);

// Opacity, a mode of its own or a blur: the node is painted by itself and goes down as a whole.
bool IsGroup(const scene::Node& node);
// Also what casts a shadow: its content is painted by itself.
bool IsIsolated(const scene::Node& node);

// By node: something below it blends with what is painted before, across the node's own edge. Such
// children must share a group with the node's fills. Nodes stand behind their parents.
std::vector<bool> ChildrenThatBlend(const scene::Scene& scene);

}  // namespace svg
