#include "scene/stand_in.h"

#include <algorithm>

#include "scene/pen.h"

namespace scene {
namespace {

using fig::NodeChange;
using fig::NodeType;

enum class Plain : std::uint8_t { kNone, kRectangle, kEllipse, kLine };

Plain PlainShape(NodeType type) {
  if (IsContainer(type)) return Plain::kRectangle;
  switch (type) {
    case NodeType::kRectangle:
    case NodeType::kRoundedRectangle:
    case NodeType::kSection: return Plain::kRectangle;
    case NodeType::kEllipse: return Plain::kEllipse;
    case NodeType::kLine: return Plain::kLine;
    default: return Plain::kNone;
  }
}

Corners CornersOf(const NodeChange& node) {
  const float all = node.corner_radius.value_or(0);
  return {node.corner_top_left.value_or(all), node.corner_top_right.value_or(all), node.corner_bottom_right.value_or(all),
          node.corner_bottom_left.value_or(all)};
}

Rect Grown(Size size, double by) { return {-by, -by, size.width + 2 * by, size.height + 2 * by}; }

// Sharp corners stay sharp outside, as mitred ones do.
Corners Grown(const Corners& corners, double by) {
  const auto grown = [by](double radius) { return radius > 0 ? std::max(0.0, radius + by) : 0; };
  return {grown(corners.top_left), grown(corners.top_right), grown(corners.bottom_right), grown(corners.bottom_left)};
}

// The edge of the shape, moved outwards.
void AddEdge(Plain shape, const NodeChange& node, Size size, double by, Pen& pen) {
  const Rect rect = Grown(size, by);
  if (rect.empty()) return;
  if (shape == Plain::kEllipse) return AddEllipse(rect, pen);
  AddRectangle(rect, Grown(CornersOf(node), by), pen);
}

// A line that has a side lies above, as the files that have the outline show.
void AddLine(const NodeChange& node, Size size, double weight, Pen& pen) {
  const bool centred = node.stroke_align.value_or(StrokeAlign::kCenter) == StrokeAlign::kCenter;
  AddRectangle({0, centred ? -weight / 2 : -weight, size.width, weight}, {}, pen);
}

}  // namespace

bool IsContainer(NodeType type) {
  return type == NodeType::kFrame || type == NodeType::kSymbol || type == NodeType::kInstance || type == NodeType::kSlide ||
         type == NodeType::kModule;
}

fig::Outcome<const Outline*> AreaStandIn(const NodeChange& node, Size size, Outlines& outlines) {
  const Plain shape = PlainShape(node.type.value_or(NodeType::kUnknown));
  if (shape == Plain::kNone || shape == Plain::kLine || !(size.width > 0 && size.height > 0)) return nullptr;
  Pen pen;
  AddEdge(shape, node, size, 0, pen);
  return outlines.Keep(pen.Take());
}

fig::Outcome<const Outline*> StrokeStandIn(const NodeChange& node, Size size, Outlines& outlines) {
  const Plain shape = PlainShape(node.type.value_or(NodeType::kUnknown));
  const double weight = node.stroke_weight.value_or(1);
  if (shape == Plain::kNone || !(weight > 0) || !IsSane(weight)) return nullptr;
  Pen pen;
  if (shape == Plain::kLine) {
    AddLine(node, size, weight, pen);
    return outlines.Keep(pen.Take());
  }
  double outside = weight / 2;
  if (node.stroke_align == StrokeAlign::kInside) outside = 0;
  if (node.stroke_align == StrokeAlign::kOutside) outside = weight;
  AddEdge(shape, node, size, outside, pen);
  AddEdge(shape, node, size, outside - weight, pen);
  return outlines.Keep(pen.Take());
}

}  // namespace scene
