// Outlines as the format has them: bytes of commands with coordinates of the node.
#pragma once

#include <string>
#include <vector>

namespace figgen {

struct Point {
  double x = 0, y = 0;
};

class Outline {
 public:
  Outline& Move(double x, double y) { return Add(1, {{x, y}}); }
  Outline& Line(double x, double y) { return Add(2, {{x, y}}); }
  Outline& Quad(Point a, Point to) { return Add(3, {a, to}); }
  Outline& Cubic(Point a, Point b, Point to) { return Add(4, {a, b, to}); }
  Outline& Close() { return Add(0, {}); }
  Outline& Append(const Outline& other);

  // Closed, one after the other clockwise on the screen (counter-clockwise in em units).
  Outline& Polygon(const std::vector<Point>& corners);
  Outline& Box(double x, double y, double width, double height);
  Outline& RoundedBox(double x, double y, double width, double height, double radius);
  enum class Turn { kClockwise, kCounter };
  Outline& Oval(double x, double y, double width, double height, Turn turn = Turn::kClockwise);

  const std::string& blob() const { return blob_; }

 private:
  Outline& Add(int command, const std::vector<Point>& points);
  std::string blob_;
};

// Corners on the ellipse that fits into a box; the first is at the top. `inner` < 1 makes a star of
// twice as many.
std::vector<Point> RegularCorners(int count, double width, double height, double inner = 1);

// A convex polygon, clockwise, whose sides are moved outwards.
std::vector<Point> Grown(const std::vector<Point>& corners, double by);

}  // namespace figgen
