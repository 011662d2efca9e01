// Writes an Outline command by command.
#pragma once

#include <initializer_list>
#include <utility>

#include "scene/outlines.h"

namespace scene {

// An outline that is being written.
class Pen {
 public:
  void Move(double x, double y) { Add(Outline::kMove, {{x, y}}); }
  void Line(double x, double y) { Add(Outline::kLine, {{x, y}}); }
  void Cubic(Point a, Point b, Point c) { Add(Outline::kCubic, {a, b, c}); }
  void Close() { Add(Outline::kClose, {}); }
  Outline Take() {
    outline_.bounds = ExactBounds(outline_);
    return std::move(outline_);
  }

 private:
  void Add(Outline::Command command, std::initializer_list<Point> points) {
    outline_.commands.push_back(command);
    for (const Point& point : points) {
      outline_.points.push_back(static_cast<float>(point.x));
      outline_.points.push_back(static_cast<float>(point.y));
    }
  }
  Outline outline_;
};

}  // namespace scene
