#include "scene/numbers.h"

namespace scene {
namespace {

fig::Fault Insane(const fig::NodeChange& node, const char* what) {
  return {fig::FaultClass::kGeometry, std::string(what) + " of " + NameOf(node) + " is no number, or beyond any canvas",
          node.offset, "message"};
}

}  // namespace

bool IsSane(const Matrix& matrix) {
  for (const double value : {matrix.xx, matrix.yx, matrix.xy, matrix.yy, matrix.x0, matrix.y0}) {
    if (!IsSane(value)) return false;
  }
  return true;
}

std::string NameOf(const fig::NodeChange& node) {
  if (!node.guid) return "a node without a guid";
  return "node " + std::to_string(node.guid->session) + ":" + std::to_string(node.guid->local);
}

fig::Outcome<Matrix> TransformOf(const fig::NodeChange& node) {
  if (!node.transform) return Matrix{};
  const fig::Matrix& m = *node.transform;
  for (const float value : {m.m00, m.m01, m.m02, m.m10, m.m11, m.m12}) {
    if (!IsSane(value)) return Insane(node, "the transform");
  }
  return Matrix{m.m00, m.m10, m.m01, m.m11, m.m02, m.m12};
}

fig::Outcome<Size> SizeOf(const fig::NodeChange& node) {
  if (!node.size) return Size{};
  if (!IsSane(node.size->x) || !IsSane(node.size->y)) return Insane(node, "the size");
  return Size{std::fmax(0.0, node.size->x), std::fmax(0.0, node.size->y)};
}

}  // namespace scene
