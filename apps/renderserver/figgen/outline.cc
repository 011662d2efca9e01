#include "figgen/outline.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "figgen/pack.h"

namespace figgen {
namespace {

// How far the handles of a quarter of a circle reach.
constexpr double kQuarter = 0.5522847498;

}  // namespace

Outline& Outline::Add(int command, const std::vector<Point>& points) {
  blob_ += static_cast<char>(command);
  for (const Point& point : points) {
    AppendFloat(static_cast<float>(point.x), &blob_);
    AppendFloat(static_cast<float>(point.y), &blob_);
  }
  return *this;
}

Outline& Outline::Append(const Outline& other) {
  blob_ += other.blob_;
  return *this;
}

Outline& Outline::Polygon(const std::vector<Point>& corners) {
  for (std::size_t i = 0; i < corners.size(); ++i) Add(i == 0 ? 1 : 2, {corners[i]});
  return Close();
}

Outline& Outline::Box(double x, double y, double width, double height) {
  return Polygon({{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}});
}

Outline& Outline::RoundedBox(double x, double y, double width, double height, double radius) {
  const double r = std::min({radius, width / 2, height / 2});
  if (r <= 0) return Box(x, y, width, height);
  const double right = x + width, bottom = y + height, rest = r * (1 - kQuarter);
  Move(x + r, y).Line(right - r, y);
  Cubic({right - rest, y}, {right, y + rest}, {right, y + r}).Line(right, bottom - r);
  Cubic({right, bottom - rest}, {right - rest, bottom}, {right - r, bottom}).Line(x + r, bottom);
  Cubic({x + rest, bottom}, {x, bottom - rest}, {x, bottom - r}).Line(x, y + r);
  return Cubic({x, y + rest}, {x + rest, y}, {x + r, y}).Close();
}

Outline& Outline::Oval(double x, double y, double width, double height, Turn turn) {
  // Mirrored, it goes the other way round.
  const double sign = turn == Turn::kClockwise ? 1 : -1;
  const double cx = x + width / 2, cy = y + height / 2, rx = sign * width / 2, ry = height / 2;
  const double hx = rx * kQuarter, hy = ry * kQuarter;
  Move(cx, cy - ry);
  Cubic({cx + hx, cy - ry}, {cx + rx, cy - hy}, {cx + rx, cy});
  Cubic({cx + rx, cy + hy}, {cx + hx, cy + ry}, {cx, cy + ry});
  Cubic({cx - hx, cy + ry}, {cx - rx, cy + hy}, {cx - rx, cy});
  return Cubic({cx - rx, cy - hy}, {cx - hx, cy - ry}, {cx, cy - ry}).Close();
}

std::vector<Point> RegularCorners(int count, double width, double height, double inner) {
  std::vector<Point> corners;
  const int steps = inner < 1 ? 2 * count : count;
  for (int i = 0; i < steps; ++i) {
    const double angle = 2 * std::numbers::pi * i / steps;
    const double radius = inner < 1 && i % 2 == 1 ? inner : 1;
    corners.push_back({width / 2 * (1 + radius * std::sin(angle)), height / 2 * (1 - radius * std::cos(angle))});
  }
  return corners;
}

std::vector<Point> Grown(const std::vector<Point>& corners, double by) {
  const std::size_t count = corners.size();
  // The outward normal of the side that begins at corner i.
  const auto normal = [&](std::size_t i) {
    const Point a = corners[i], b = corners[(i + 1) % count];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    return Point{(b.y - a.y) / length, (a.x - b.x) / length};
  };
  std::vector<Point> grown;
  for (std::size_t i = 0; i < count; ++i) {
    const Point before = normal((i + count - 1) % count), after = normal(i);
    const double scale = by / (1 + before.x * after.x + before.y * after.y);
    grown.push_back({corners[i].x + scale * (before.x + after.x), corners[i].y + scale * (before.y + after.y)});
  }
  return grown;
}

}  // namespace figgen
