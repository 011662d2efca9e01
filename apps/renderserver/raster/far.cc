#include "raster/far.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace raster {
namespace {

using scene::Point;
using Polygon = std::vector<Point>;
using Curve = std::array<Point, 4>;

constexpr double kFlat = 0.1;  // of a pixel
constexpr int kDeepest = 48;   // halvings

Point Middle(Point a, Point b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

// All on the outer side of one side of the window: nothing of it is seen, nor of what it encloses with
// its chord.
bool IsBeside(const Curve& c) {
  const auto all = [&](auto beyond) { return std::all_of(c.begin(), c.end(), beyond); };
  return all([](Point p) { return p.x > kWindow; }) || all([](Point p) { return p.x < -kWindow; }) ||
         all([](Point p) { return p.y > kWindow; }) || all([](Point p) { return p.y < -kWindow; });
}

bool IsFlat(const Curve& c) {
  const auto bend = [](double a, double b, double d) { return std::fabs(a - 2 * b + d); };
  return std::max({bend(c[0].x, c[1].x, c[2].x), bend(c[1].x, c[2].x, c[3].x), bend(c[0].y, c[1].y, c[2].y),
                   bend(c[1].y, c[2].y, c[3].y)}) < kFlat;
}

class Flattener {
 public:
  explicit Flattener(Work& work) : work_(work) {}

  void MoveTo(Point point) {
    polygons_.emplace_back();
    LineTo(point);
  }
  void LineTo(Point point) {
    Polygon& polygon = polygons_.back();
    const auto seen = [](double y) { return std::clamp<double>(y, -kWindow, kWindow); };
    const double rows = polygon.empty() ? 0 : std::fabs(seen(point.y) - seen(polygon.back().y));
    if (work_.SpendEdges(1, rows)) polygon.push_back(point);
  }
  // Halved until a piece is flat or out of sight, with a stack of the halves still to come.
  void CurveTo(const Curve& curve) {
    std::array<std::pair<Curve, int>, kDeepest + 1> stack;
    std::size_t size = 0;
    stack[size++] = {curve, 0};
    while (size > 0) {
      const auto [c, depth] = stack[--size];
      if (depth == kDeepest || IsBeside(c) || IsFlat(c)) {
        LineTo(c[3]);
        continue;
      }
      if (!work_.SpendEdges(0, 0)) return;
      const Point ab = Middle(c[0], c[1]), bc = Middle(c[1], c[2]), cd = Middle(c[2], c[3]);
      const Point abc = Middle(ab, bc), bcd = Middle(bc, cd), middle = Middle(abc, bcd);
      stack[size++] = {Curve{middle, bcd, cd, c[3]}, depth + 1};
      stack[size++] = {Curve{c[0], ab, abc, middle}, depth + 1};
    }
  }
  std::vector<Polygon> Take() { return std::move(polygons_); }

 private:
  Work& work_;
  std::vector<Polygon> polygons_;
};

// What of the polygon is on the inner side of one edge of the window (Sutherland and Hodgman); along the
// edge it is closed, which is out of sight.
template <typename Inside, typename Cross>
Polygon Cut(const Polygon& polygon, Inside inside, Cross cross) {
  Polygon cut;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i], b = polygon[(i + 1) % polygon.size()];
    if (inside(a)) cut.push_back(a);
    if (inside(a) != inside(b)) cut.push_back(cross(a, b));
  }
  return cut;
}

Point CrossX(Point a, Point b, double x) { return {x, a.y + (b.y - a.y) * ((x - a.x) / (b.x - a.x))}; }
Point CrossY(Point a, Point b, double y) { return {a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y)), y}; }

Polygon CutToWindow(Polygon polygon) {
  constexpr double w = kWindow;
  polygon = Cut(polygon, [](Point p) { return p.x <= w; }, [](Point a, Point b) { return CrossX(a, b, w); });
  polygon = Cut(polygon, [](Point p) { return p.x >= -w; }, [](Point a, Point b) { return CrossX(a, b, -w); });
  polygon = Cut(polygon, [](Point p) { return p.y <= w; }, [](Point a, Point b) { return CrossY(a, b, w); });
  return Cut(polygon, [](Point p) { return p.y >= -w; }, [](Point a, Point b) { return CrossY(a, b, -w); });
}

// Beyond this a number has no pixels any more.
double Sane(double value) { return std::isfinite(value) ? std::clamp(value, -1e15, 1e15) : 0; }

// The outline's curves in order, all as cubics; a line is one whose control points are its ends.
class Curves {
 public:
  Curves(const scene::Outline& outline, const scene::Matrix& matrix) : at_(outline.points.data()), matrix_(matrix) {}

  // False: nothing is drawn, the pen has only been moved.
  bool Next(scene::Outline::Command command, Curve* curve) {
    const Point from = last_;
    switch (command) {
      case scene::Outline::kClose: last_ = first_; return false;
      case scene::Outline::kMove: first_ = last_ = Take(); return false;
      case scene::Outline::kLine: {
        last_ = Take();
        *curve = {from, from, last_, last_};
        return true;
      }
      case scene::Outline::kQuad: {
        const Point control = Take();
        last_ = Take();
        *curve = {from, Toward(from, control), Toward(last_, control), last_};
        return true;
      }
      case scene::Outline::kCubic: {
        const Point a = Take(), b = Take();
        last_ = Take();
        *curve = {from, a, b, last_};
        return true;
      }
    }
    return false;
  }

 private:
  Point Take() {
    const Point point = scene::Apply(matrix_, {at_[0], at_[1]});
    at_ += 2;
    return {Sane(point.x), Sane(point.y)};
  }
  static Point Toward(Point from, Point to) { return {from.x + (to.x - from.x) * 2 / 3, from.y + (to.y - from.y) * 2 / 3}; }
  const float* at_;
  const scene::Matrix& matrix_;
  Point first_{}, last_{};
};

}  // namespace

std::vector<Polygon> NearPolygons(const scene::Outline& outline, const scene::Matrix& to_picture, Work& work) {
  Flattener flattener(work);
  Curves curves(outline, to_picture);
  bool open = false;  // a polygon has begun that more can be added to
  for (const scene::Outline::Command command : outline.commands) {
    Curve curve;
    if (!curves.Next(command, &curve)) {
      open = false;
      continue;
    }
    if (!open) flattener.MoveTo(curve[0]);
    open = true;
    command == scene::Outline::kLine ? flattener.LineTo(curve[3]) : flattener.CurveTo(curve);
  }
  std::vector<Polygon> polygons = flattener.Take();
  for (Polygon& polygon : polygons) polygon = CutToWindow(std::move(polygon));
  return polygons;
}

}  // namespace raster
