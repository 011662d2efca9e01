// How far what is drawn reaches: strokes, shadows and blurs included, clipped parts and masked ones not.
#pragma once

#include <vector>

#include "scene/scene.h"

namespace scene {

// In the node's own coordinates.
struct Reach {
  Rect own;      // fills and strokes
  Rect children; // before they are clipped to the node
  Rect content;  // with the children, as far as they are not clipped or masked away
  Rect full;     // with shadows and blurs, as far as they can be seen
};
// By node, in the order of Scene::nodes; never too small. No effect counts as one of a larger radius.
std::vector<Reach> Reaches(const Scene& scene, double most_radius);

// What a picture of everything below nodes[0] shows: exact, with effects as Figma counts them (to two
// deviations of a blur, where it can still be seen), and with the boxes of frames whether
// or not they are painted. Empty: nothing is drawn.
Rect RenderBounds(const Scene& scene);

}  // namespace scene
