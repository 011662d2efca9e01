// Numbers of a file, which may be anything, on their way to a scene, where they are places and sizes.
#pragma once

#include <cmath>
#include <string>

#include "scene/scene.h"

namespace scene {

// More than any canvas. Products of a few such numbers are still exact enough to be finite.
constexpr double kFarthest = 1e9;

inline bool IsSane(double value) { return std::isfinite(value) && std::fabs(value) <= kFarthest; }

std::string NameOf(const fig::NodeChange& node);  // "node 1:23", for faults

// Fail with kGeometry.
fig::Outcome<Matrix> TransformOf(const fig::NodeChange& node);
struct Size {
  double width = 0, height = 0;
};
fig::Outcome<Size> SizeOf(const fig::NodeChange& node);

inline float Opacity(float value) { return std::isfinite(value) ? std::fmin(std::fmax(value, 0.0F), 1.0F) : 1.0F; }

}  // namespace scene
