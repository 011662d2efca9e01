#include "scene/outlines.h"

#include <algorithm>
#include <cmath>

#include "scene/numbers.h"
#include "scene/pen.h"

namespace scene {
namespace {

using fig::Fault;
using fig::FaultClass;

constexpr double kCircle = 0.5522847498307936;  // control points of a quarter of a circle

constexpr unsigned PointsOf(Outline::Command command) {
  constexpr unsigned kPoints[] = {0, 1, 1, 2, 3};
  return kPoints[command];
}

class Box {
 public:
  void Add(double x, double y) {
    left_ = std::min(left_, x);
    right_ = std::max(right_, x);
    top_ = std::min(top_, y);
    bottom_ = std::max(bottom_, y);
  }
  Rect rect() const { return left_ > right_ ? Rect{} : Rect{left_, top_, right_ - left_, bottom_ - top_}; }

 private:
  double left_ = HUGE_VAL, right_ = -HUGE_VAL, top_ = HUGE_VAL, bottom_ = -HUGE_VAL;
};

using Curve = std::array<Point, 4>;

Point At(const Curve& p, double t) {
  const double u = 1 - t;
  const double a = u * u * u, b = 3 * u * u * t, c = 3 * u * t * t, d = t * t * t;
  return {a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x, a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y};
}

// Where one coordinate of the curve turns: the roots of its derivative in (0, 1).
void AddTurns(Box& box, const Curve& p, double a0, double a1, double a2, double a3) {
  const double a = -a0 + 3 * a1 - 3 * a2 + a3, b = 2 * (a0 - 2 * a1 + a2), c = a1 - a0;
  std::array<double, 2> roots{-1, -1};
  if (std::fabs(a) < 1e-12) {
    if (std::fabs(b) > 1e-12) roots[0] = -c / b;
  } else if (const double square = b * b - 4 * a * c; square >= 0) {
    roots = {(-b + std::sqrt(square)) / (2 * a), (-b - std::sqrt(square)) / (2 * a)};
  }
  for (const double t : roots) {
    if (!(t > 0 && t < 1)) continue;
    const Point point = At(p, t);
    box.Add(point.x, point.y);
  }
}

void AddCurve(Box& box, const Curve& p) {
  box.Add(p[3].x, p[3].y);
  AddTurns(box, p, p[0].x, p[1].x, p[2].x, p[3].x);
  AddTurns(box, p, p[0].y, p[1].y, p[2].y, p[3].y);
}

Point Between(Point a, Point b, double t) { return {a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t}; }

fig::Outcome<Outline> Parse(fig::Bytes bytes, const std::string& where) {
  Outline outline;
  bool has_point = false;
  for (std::size_t at = 0; at < bytes.size;) {
    const std::uint8_t opcode = bytes.data[at];
    if (opcode > Outline::kCubic) return BadBlob(where, at, "path command " + std::to_string(opcode) + " does not exist");
    const auto command = static_cast<Outline::Command>(opcode);
    const std::size_t floats = 2 * PointsOf(command);
    if (floats * 4 > bytes.size - at - 1) return BadBlob(where, at, "path ends in the middle of a command");
    if (!has_point && command != Outline::kMove && command != Outline::kClose) {
      return BadBlob(where, at, "path does not begin with a move");
    }
    for (std::size_t i = 0; i < floats; ++i) {
      const float value = LoadFloat(bytes, at + 1 + 4 * i);
      if (!IsSane(value)) return BadBlob(where, at + 1 + 4 * i, "path has a coordinate that is no place");
      outline.points.push_back(value);
    }
    if (has_point || command != Outline::kClose) outline.commands.push_back(command);
    has_point = has_point || command == Outline::kMove;
    at += 1 + 4 * floats;
  }
  outline.bounds = ExactBounds(outline);
  return outline;
}

}  // namespace

Rect ExactBounds(const Outline& outline, const Matrix& matrix) {
  Box box;
  Point last{}, start{};
  const float* at = outline.points.data();
  const auto next = [&] {
    const Point point = Apply(matrix, {at[0], at[1]});
    at += 2;
    return point;
  };
  for (const Outline::Command command : outline.commands) {
    if (command == Outline::kClose) {
      last = start;
    } else if (command == Outline::kMove || command == Outline::kLine) {
      last = next();
      box.Add(last.x, last.y);
      if (command == Outline::kMove) start = last;
    } else if (command == Outline::kQuad) {
      const Point control = next(), end = next();
      AddCurve(box, {last, Between(last, control, 2.0 / 3), Between(end, control, 2.0 / 3), end});
      last = end;
    } else {
      const Point a = next(), b = next(), end = next();
      AddCurve(box, {last, a, b, end});
      last = end;
    }
  }
  return box.rect();
}

fig::Outcome<const Outline*> Outlines::Keep(Outline outline) {
  commands_ += outline.commands.size();
  if (commands_ > budget_.path_commands) {
    return Fault{FaultClass::kBudget, "more than " + std::to_string(budget_.path_commands) + " path commands", Fault::kNowhere, ""};
  }
  FIG_TRY(meter_.Keep(sizeof(Outline) + outline.commands.size() + outline.points.size() * sizeof(float)));
  kept_.push_back(std::move(outline));
  return &kept_.back();
}

fig::Outcome<const Outline*> Outlines::FromBlob(std::uint32_t blob) {
  if (const auto found = by_blob_.find(blob); found != by_blob_.end()) return found->second;
  const std::string where = "blob " + std::to_string(blob);
  if (blob >= document_.blobs.size()) {
    return Fault{FaultClass::kGeometry, "there are only " + std::to_string(document_.blobs.size()) + " blobs", Fault::kNowhere, where};
  }
  Outline parsed = FIG_TRY(Parse(document_.blobs[blob], where));
  const Outline* outline = FIG_TRY(Keep(std::move(parsed)));
  by_blob_.emplace(blob, outline);
  return outline;
}

void AddRectangle(const Rect& rect, const Corners& corners, Pen& pen) {
  const double most = std::max(0.0, std::min(rect.width, rect.height) / 2);
  const auto radius = [&](double wanted) { return std::isfinite(wanted) ? std::clamp(wanted, 0.0, most) : 0.0; };
  const double tl = radius(corners.top_left), tr = radius(corners.top_right), br = radius(corners.bottom_right),
               bl = radius(corners.bottom_left);
  const double l = rect.x, t = rect.y, r = rect.x + rect.width, b = rect.y + rect.height, k = 1 - kCircle;
  pen.Move(l + tl, t);
  pen.Line(r - tr, t);
  if (tr > 0) pen.Cubic({r - tr * k, t}, {r, t + tr * k}, {r, t + tr});
  pen.Line(r, b - br);
  if (br > 0) pen.Cubic({r, b - br * k}, {r - br * k, b}, {r - br, b});
  pen.Line(l + bl, b);
  if (bl > 0) pen.Cubic({l + bl * k, b}, {l, b - bl * k}, {l, b - bl});
  pen.Line(l, t + tl);
  if (tl > 0) pen.Cubic({l, t + tl * k}, {l + tl * k, t}, {l + tl, t});
  pen.Close();
}

void AddEllipse(const Rect& rect, Pen& pen) {
  const double rx = rect.width / 2, ry = rect.height / 2, kx = rx * kCircle, ky = ry * kCircle;
  const double x = rect.x + rx, y = rect.y + ry;
  pen.Move(x + rx, y);
  pen.Cubic({x + rx, y + ky}, {x + kx, y + ry}, {x, y + ry});
  pen.Cubic({x - kx, y + ry}, {x - rx, y + ky}, {x - rx, y});
  pen.Cubic({x - rx, y - ky}, {x - kx, y - ry}, {x, y - ry});
  pen.Cubic({x + kx, y - ry}, {x + rx, y - ky}, {x + rx, y});
  pen.Close();
}

}  // namespace scene
