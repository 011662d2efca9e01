#include "raster/path.h"

#include <algorithm>
#include <cmath>

#include "raster/far.h"

namespace raster {
namespace {

using scene::Matrix;
using scene::Outline;
using scene::Point;

// Is every point of the outline, control points too, where cairo's numbers reach?
bool IsNear(const Outline& outline, const Matrix& m) {
  float x = 0, y = 0;
  for (std::size_t i = 0; i + 1 < outline.points.size(); i += 2) {
    x = std::max(x, std::fabs(outline.points[i]));
    y = std::max(y, std::fabs(outline.points[i + 1]));
  }
  // Written so that what is no number is not near.
  return std::fabs(m.xx) * x + std::fabs(m.xy) * y + std::fabs(m.x0) <= kSafe &&
         std::fabs(m.yx) * x + std::fabs(m.yy) * y + std::fabs(m.y0) <= kSafe;
}

// Follows an outline that is near.
class Pen {
 public:
  Pen(cairo_t* context, const Outline& outline, const Matrix& matrix, Work& work)
      : context_(context), at_(outline.points.data()), m_(matrix), work_(work) {}

  // False: the work is spent.
  bool Do(Outline::Command command) {
    switch (command) {
      case Outline::kClose:
        cairo_close_path(context_);
        last_ = first_;
        return true;
      case Outline::kMove:
        first_ = last_ = Next();
        cairo_move_to(context_, last_.x, last_.y);
        return true;
      case Outline::kLine: return Line(Next());
      case Outline::kQuad: {
        const Point control = Next(), end = Next();
        return Curve({last_.x + (control.x - last_.x) * 2 / 3, last_.y + (control.y - last_.y) * 2 / 3},
                     {end.x + (control.x - end.x) * 2 / 3, end.y + (control.y - end.y) * 2 / 3}, end);
      }
      case Outline::kCubic: {
        const Point a = Next(), b = Next();
        return Curve(a, b, Next());
      }
    }
    return true;
  }

 private:
  Point Next() {
    const double x = at_[0], y = at_[1];
    at_ += 2;
    return {m_.xx * x + m_.xy * y + m_.x0, m_.yx * x + m_.yy * y + m_.y0};
  }
  // Surfaces are no higher than the window of far.h; rows beyond cost nothing.
  static double Rows(double from, double to) {
    return std::fabs(std::clamp(to, -kWindow, kWindow) - std::clamp(from, -kWindow, kWindow));
  }
  bool Line(Point end) {
    const bool paid = work_.SpendEdges(1, Rows(last_.y, end.y));
    cairo_line_to(context_, end.x, end.y);
    last_ = end;
    return paid;
  }
  bool Curve(Point a, Point b, Point end) {
    // How far it is from straight decides into how many lines it falls.
    const double bend = std::fabs(last_.x - 2 * a.x + b.x) + std::fabs(last_.y - 2 * a.y + b.y) + std::fabs(a.x - 2 * b.x + end.x) +
                        std::fabs(a.y - 2 * b.y + end.y);
    const bool paid = work_.SpendEdges(1 + 2 * std::sqrt(bend), Rows(last_.y, a.y) + Rows(a.y, b.y) + Rows(b.y, end.y));
    cairo_curve_to(context_, a.x, a.y, b.x, b.y, end.x, end.y);
    last_ = end;
    return paid;
  }

  cairo_t* context_;
  const float* at_;
  const Matrix& m_;
  Work& work_;
  Point first_{}, last_{};
};

bool IsRectangle(const Outline& outline) {
  const std::vector<float>& p = outline.points;
  const bool closed = !outline.commands.empty() && outline.commands.back() == Outline::kClose;
  const std::size_t corners = outline.commands.size() - (closed ? 1 : 0);
  if (!closed || (corners != 4 && corners != 5) || p.size() != 2 * corners) return false;
  for (std::size_t i = 1; i < corners; ++i) {
    if (outline.commands[i] != Outline::kLine) return false;
  }
  if (corners == 5 && (p[8] != p[0] || p[9] != p[1])) return false;
  return (p[0] == p[2] && p[3] == p[5] && p[4] == p[6] && p[7] == p[1]) || (p[1] == p[3] && p[2] == p[4] && p[5] == p[7] && p[6] == p[0]);
}

// Which way a corner turns.
double Turn(Point a, Point b, Point c) { return (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x); }

// The points of the outline when it is one closed ring; those on the curve, or the control points too.
enum class Which : std::uint8_t { kOnCurve, kAll };
std::vector<Point> RingOf(const Outline& outline, const Matrix& matrix, Which which) {
  std::vector<Point> ring;
  const float* at = outline.points.data();
  for (std::size_t i = 0; i < outline.commands.size(); ++i) {
    const Outline::Command command = outline.commands[i];
    if ((command == Outline::kMove) != (i == 0) || (command == Outline::kClose && i + 1 != outline.commands.size())) return {};
    const std::size_t points = command == Outline::kClose ? 0 : command == Outline::kQuad ? 2 : command == Outline::kCubic ? 3 : 1;
    for (std::size_t k = 0; k < points; ++k, at += 2) {
      const Point point = scene::Apply(matrix, {at[0], at[1]});
      const bool repeats = !ring.empty() && ring.back().x == point.x && ring.back().y == point.y;
      if (!repeats && (which == Which::kAll || k + 1 == points)) ring.push_back(point);
    }
  }
  if (ring.size() > 1 && ring.front().x == ring.back().x && ring.front().y == ring.back().y) ring.pop_back();
  return ring;
}

// Turns one way only and once around: its area is all that lies between its corners.
bool IsConvex(const std::vector<Point>& ring) {
  if (ring.size() < 3) return false;
  double least = 0, most = 0, around = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const Point a = ring[i], b = ring[(i + 1) % ring.size()], c = ring[(i + 2) % ring.size()];
    const double turn = Turn(a, b, c);
    least = std::min(least, turn);
    most = std::max(most, turn);
    around += std::atan2(turn, (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y));
  }
  return (least >= 0 || most <= 0) && std::fabs(around) < 7;
}

bool ConvexHolds(const std::vector<Point>& ring, const scene::Rect& rect) {
  const Point corners[4] = {{rect.x, rect.y}, {rect.x + rect.width, rect.y}, {rect.x + rect.width, rect.y + rect.height}, {rect.x, rect.y + rect.height}};
  double least = 0, most = 0;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    for (const Point& corner : corners) {
      const double turn = Turn(ring[i], ring[(i + 1) % ring.size()], corner);
      least = std::min(least, turn);
      most = std::max(most, turn);
    }
  }
  return least >= 0 || most <= 0;
}

}  // namespace

void BeginPath(cairo_t* context, Work& work) {
  cairo_new_path(context);
  work.BeginPath();
}

void AddOutline(cairo_t* context, const Outline& outline, const Matrix& to_picture, Work& work) {
  if (IsNear(outline, to_picture)) {
    Pen pen(context, outline, to_picture, work);
    for (const Outline::Command command : outline.commands) {
      if (!pen.Do(command)) return;
    }
    return;
  }
  for (const std::vector<Point>& polygon : NearPolygons(outline, to_picture, work)) {
    for (std::size_t i = 0; i < polygon.size(); ++i) {
      i == 0 ? cairo_move_to(context, polygon[i].x, polygon[i].y) : cairo_line_to(context, polygon[i].x, polygon[i].y);
    }
    if (!polygon.empty()) cairo_close_path(context);
  }
}

void AddShape(cairo_t* context, const scene::Shape& shape, const Matrix& node_to_picture, Work& work) {
  AddOutline(context, *shape.outline, node_to_picture * shape.to_node, work);
}

void AddQuad(cairo_t* context, const Point (&quad)[4]) {
  const auto near = [](double value) { return std::isfinite(value) ? std::clamp(value, -kSafe, kSafe) : 0; };
  for (const Point& point : quad) cairo_line_to(context, near(point.x), near(point.y));
  cairo_close_path(context);
}

void SetWinding(cairo_t* context, scene::Winding winding) {
  cairo_set_fill_rule(context, winding == scene::Winding::kOdd ? CAIRO_FILL_RULE_EVEN_ODD : CAIRO_FILL_RULE_WINDING);
}

void FillAll(cairo_t* context, const ShapeList& shapes, const Matrix& node_to_picture, Work& work) {
  const bool one_path = std::all_of(shapes.begin(), shapes.end(), [](const scene::Shape& shape) { return shape.winding == scene::Winding::kNonZero; });
  BeginPath(context, work);
  for (const scene::Shape& shape : shapes) {
    AddShape(context, shape, node_to_picture, work);
    SetWinding(context, shape.winding);
    if (one_path) continue;
    cairo_fill(context);
    work.BeginPath();
  }
  if (one_path) cairo_fill(context);
}

scene::Rect BoundsOf(const ShapeList& shapes, const Matrix& node_to_picture) {
  scene::Rect all;
  for (const scene::Shape& shape : shapes) all = scene::Union(all, scene::Bounds(node_to_picture * shape.to_node, shape.outline->bounds));
  return all;
}

Box BoxOf(const scene::Rect& rect) { return Grown(RoundOut(rect), 1); }

Box BoxOf(const ShapeList& shapes, const Matrix& node_to_picture) { return BoxOf(BoundsOf(shapes, node_to_picture)); }

std::optional<scene::Rect> RectangleOf(const ShapeList& shapes, const Matrix& node_to_picture) {
  if (shapes.size() != 1 || !IsRectangle(*shapes[0].outline)) return std::nullopt;
  const Matrix m = node_to_picture * shapes[0].to_node;
  // A turn by less than this moves nothing by a thousandth of a pixel.
  const double slack = 1e-3 / std::max({1.0, shapes[0].outline->bounds.width, shapes[0].outline->bounds.height});
  const bool straight = std::fabs(m.xy) < slack && std::fabs(m.yx) < slack, across = std::fabs(m.xx) < slack && std::fabs(m.yy) < slack;
  if (!straight && !across) return std::nullopt;
  return scene::Bounds(m, shapes[0].outline->bounds);
}

bool Holds(const ShapeList& shapes, const scene::Rect& rect) {
  constexpr std::size_t kFew = 64;
  if (rect.empty()) return true;
  if (shapes.size() != 1 || shapes[0].outline->commands.size() > kFew) return false;
  if (!IsConvex(RingOf(*shapes[0].outline, shapes[0].to_node, Which::kAll))) return false;
  return ConvexHolds(RingOf(*shapes[0].outline, shapes[0].to_node, Which::kOnCurve), rect);
}

}  // namespace raster
