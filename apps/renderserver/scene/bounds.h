// How far what is drawn reaches: strokes, shadows and blurs included, clipped parts and masked ones not.
#pragma once

#include "scene/scene.h"

namespace scene {

// Of everything below nodes[0], in its coordinates. Empty: nothing is drawn.
Rect RenderBounds(const Scene& scene);

}  // namespace scene
