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
  Rect full;     // with shadows and blurs, as Figma counts them
};
// By node, in the order of Scene::nodes.
std::vector<Reach> Reaches(const Scene& scene);

// What a picture of everything below nodes[0] shows: as above, exact, and with the boxes of frames whether
// or not they are painted. Empty: nothing is drawn.
Rect RenderBounds(const Scene& scene);

}  // namespace scene
