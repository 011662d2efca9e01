// Numbers of a file, which may be anything, on their way to a scene, where they are places and sizes.
#pragma once

#include <bit>
#include <cmath>
#include <string>

#include "scene/scene.h"

namespace scene {

// More than any canvas. Products of a few such numbers are still exact enough to be finite.
constexpr double kFarthest = 1e9;

inline bool IsSane(double value) { return std::isfinite(value) && std::fabs(value) <= kFarthest; }

std::string NameOf(const fig::NodeChange& node);  // "node 1:23", for faults

bool IsSane(const Matrix& matrix);

// Fail with kGeometry.
fig::Outcome<Matrix> TransformOf(const fig::NodeChange& node);
struct Size {
  double width = 0, height = 0;
};
fig::Outcome<Size> SizeOf(const fig::NodeChange& node);

// Little-endian. Precondition: at + 4 <= bytes.size.
inline float LoadFloat(fig::Bytes bytes, std::size_t at) { return std::bit_cast<float>(fig::Load32(bytes, at)); }
inline fig::Fault BadBlob(const std::string& where, std::size_t offset, std::string detail) {
  return {fig::FaultClass::kGeometry, std::move(detail), offset, where};
}

inline float Opacity(float value) { return std::isfinite(value) ? std::fmin(std::fmax(value, 0.0F), 1.0F) : 1.0F; }

}  // namespace scene
