#include "svg/testing.h"

#include <cmath>
#include <numbers>

namespace svg::testing {

using scene::Outline;

scene::Node& Maker::Begin(const std::string& name, const scene::Rect& box) {
  const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
  const std::uint32_t parent = open_.back();
  scene::Node node;
  node.guid = {1, index};
  node.name = name;
  node.type = fig::NodeType::kFrame;
  node.transform = {1, 0, 0, 1, box.x, box.y};
  node.width = box.width;
  node.height = box.height;
  node.parent = parent;
  std::uint32_t* last = &scene_.nodes[parent].first_child;
  while (*last != scene::Node::kNone) last = &scene_.nodes[*last].next_sibling;
  *last = index;
  scene_.nodes.push_back(std::move(node));
  open_.push_back(index);
  return scene_.nodes.back();
}

const Outline* Maker::Rectangle(double width, double height) {
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  return &scene_.outlines.emplace_back(Outline{
      {Outline::kMove, Outline::kLine, Outline::kLine, Outline::kLine, Outline::kClose}, {0, 0, w, 0, w, h, 0, h}, {0, 0, width, height}});
}

const Outline* Maker::Ellipse(double width, double height) {
  const double k = .5522847498;
  const double rx = width / 2, ry = height / 2;
  Outline outline{{Outline::kMove}, {static_cast<float>(width), static_cast<float>(ry)}, {0, 0, width, height}};
  const double corners[4][6] = {{1, k, k, 1, 0, 1}, {-k, 1, -1, k, -1, 0}, {-1, -k, -k, -1, 0, -1}, {k, -1, 1, -k, 1, 0}};
  for (const auto& corner : corners) {
    outline.commands.push_back(Outline::kCubic);
    for (int i = 0; i < 6; i += 2) {
      outline.points.push_back(static_cast<float>(rx + rx * corner[i]));
      outline.points.push_back(static_cast<float>(ry + ry * corner[i + 1]));
    }
  }
  outline.commands.push_back(Outline::kClose);
  return &scene_.outlines.emplace_back(std::move(outline));
}

const Outline* Maker::Star(double width, double height) {
  Outline outline{{}, {}, {0, 0, width, height}};
  for (int i = 0; i < 5; ++i) {
    const double angle = (i * 2 * 72 - 90) * std::numbers::pi / 180;
    outline.commands.push_back(i == 0 ? Outline::kMove : Outline::kLine);
    outline.points.push_back(static_cast<float>(width / 2 * (1 + std::cos(angle))));
    outline.points.push_back(static_cast<float>(height / 2 * (1 + std::sin(angle))));
  }
  outline.commands.push_back(Outline::kClose);
  return &scene_.outlines.emplace_back(std::move(outline));
}

void Maker::Fill(scene::Node* node, std::vector<scene::Paint> paints) {
  const Outline* outline = Rectangle(node->width, node->height);
  node->fills.push_back(Shape(outline, std::move(paints)));
  node->clip_shapes.push_back({outline, scene::Winding::kNonZero, {}, nullptr, false});
}

scene::Paint Solid(float r, float g, float b, float a) {
  scene::Paint paint;
  paint.colour = {r, g, b, a};
  return paint;
}

scene::Paint Gradient(scene::PaintType type, double width, double height, std::vector<scene::ColourStop> stops) {
  scene::Paint paint;
  paint.type = type;
  paint.stops = std::move(stops);
  paint.to_node = {width, 0, 0, height, 0, 0};
  return paint;
}

}  // namespace svg::testing
