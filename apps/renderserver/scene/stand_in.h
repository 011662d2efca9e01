// Outlines for plain shapes whose geometry a file leaves out: rectangles, ellipses and lines.
#pragma once

#include "scene/numbers.h"
#include "scene/outlines.h"

namespace scene {

// FRAME, SYMBOL and their like: a size of their own, children that are clipped to it.
bool IsContainer(fig::NodeType type);

// The node's area; null: it is of no plain shape, or has no area. Fails with kBudget.
fig::Outcome<const Outline*> AreaStandIn(const fig::NodeChange& node, Size size, Outlines& outlines);
// What its stroke covers, on the side of the edge where it lies: to be filled by the odd rule. Null as
// above, or: the stroke has no weight.
fig::Outcome<const Outline*> StrokeStandIn(const fig::NodeChange& node, Size size, Outlines& outlines);

}  // namespace scene
