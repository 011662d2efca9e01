#include "scene/outlines.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace scene {
namespace {

using fig::Fault;
using fig::FaultClass;

// More than any canvas; behind it the painters' own arithmetic would be the problem.
constexpr float kFarthest = 1e9F;
constexpr double kCircle = 0.5522847498307936;  // control points of a quarter of a circle

constexpr unsigned PointsOf(Outline::Command command) {
  constexpr unsigned kPoints[] = {0, 1, 1, 2, 3};
  return kPoints[command];
}

float LoadFloat(const std::uint8_t* at) {
  std::uint32_t bits = 0;
  for (unsigned i = 0; i < 4; ++i) bits |= std::uint32_t{at[i]} << (8 * i);
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

Fault Broken(const std::string& where, std::size_t offset, std::string detail) {
  return {FaultClass::kGeometry, std::move(detail), offset, where};
}

bool IsSane(float value) { return std::isfinite(value) && std::fabs(value) <= kFarthest; }

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

fig::Outcome<Outline> Parse(fig::Bytes bytes, const std::string& where) {
  Outline outline;
  bool has_point = false;
  for (std::size_t at = 0; at < bytes.size;) {
    const std::uint8_t opcode = bytes.data[at];
    if (opcode > Outline::kCubic) return Broken(where, at, "path command " + std::to_string(opcode) + " does not exist");
    const auto command = static_cast<Outline::Command>(opcode);
    const std::size_t floats = 2 * PointsOf(command);
    if (floats * 4 > bytes.size - at - 1) return Broken(where, at, "path ends in the middle of a command");
    if (!has_point && command != Outline::kMove && command != Outline::kClose) {
      return Broken(where, at, "path does not begin with a move");
    }
    for (std::size_t i = 0; i < floats; ++i) {
      const float value = LoadFloat(bytes.data + at + 1 + 4 * i);
      if (!IsSane(value)) return Broken(where, at + 1 + 4 * i, "path has a coordinate that is no place");
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

Rect ExactBounds(const Outline& outline) {
  Box box;
  Point last{}, start{};
  const float* at = outline.points.data();
  const auto next = [&] {
    const Point point{at[0], at[1]};
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

fig::Outcome<const Outline*> Outlines::Rectangle(const Rect& rect, const Corners& corners) {
  const double most = std::min(rect.width, rect.height) / 2;
  const auto radius = [&](double wanted) { return std::clamp(std::isfinite(wanted) ? wanted : 0.0, 0.0, std::max(0.0, most)); };
  const double tl = radius(corners.top_left), tr = radius(corners.top_right), br = radius(corners.bottom_right),
               bl = radius(corners.bottom_left);
  const double l = rect.x, t = rect.y, r = rect.x + rect.width, b = rect.y + rect.height, k = 1 - kCircle;
  Pen pen;
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
  return Keep(pen.Take());
}

fig::Outcome<const Outline*> Outlines::Ellipse(double width, double height) {
  const double rx = width / 2, ry = height / 2, kx = rx * kCircle, ky = ry * kCircle;
  Pen pen;
  pen.Move(width, ry);
  pen.Cubic({width, ry + ky}, {rx + kx, height}, {rx, height});
  pen.Cubic({rx - kx, height}, {0, ry + ky}, {0, ry});
  pen.Cubic({0, ry - ky}, {rx - kx, 0}, {rx, 0});
  pen.Cubic({rx + kx, 0}, {width, ry - ky}, {width, ry});
  pen.Close();
  return Keep(pen.Take());
}

namespace {

struct Vertex {
  Point at;
};
struct Segment {
  std::uint32_t from = 0, to = 0;
  Point from_tangent, to_tangent;
};

// Reads a network blob: counts are checked against what is left before anything is reserved.
class NetworkReader {
 public:
  NetworkReader(fig::Bytes bytes, const std::string& where, Point scale) : bytes_(bytes), where_(where), scale_(scale) {}

  fig::Outcome<std::vector<NetworkRegion>> Read(std::uint64_t most_commands) {
    FIG_TRY(ReadHead());
    std::vector<NetworkRegion> regions;
    std::uint64_t commands = 0;
    for (std::uint32_t i = 0; i < regions_; ++i) {
      regions.push_back(FIG_TRY(ReadRegion()));
      commands += regions.back().outline.commands.size();
      if (commands > most_commands) {
        return Fault{FaultClass::kBudget, "more than " + std::to_string(most_commands) + " path commands", at_, where_};
      }
    }
    return regions;
  }

 private:
  fig::Outcome<std::uint32_t> Word() {
    if (bytes_.size - at_ < 4) return Broken(where_, at_, "vector network ends early");
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{bytes_.data[at_ + i]} << (8 * i);
    at_ += 4;
    return value;
  }
  fig::Outcome<Point> Place() {
    if (bytes_.size - at_ < 8) return Broken(where_, at_, "vector network ends early");
    const float x = LoadFloat(bytes_.data + at_), y = LoadFloat(bytes_.data + at_ + 4);
    const Point place{x * scale_.x, y * scale_.y};
    if (!IsSane(static_cast<float>(place.x)) || !IsSane(static_cast<float>(place.y))) {
      return Broken(where_, at_, "vector network has a coordinate that is no place");
    }
    at_ += 8;
    return place;
  }
  fig::Outcome<std::uint32_t> Count(std::size_t bytes_each) {
    const std::uint32_t count = FIG_TRY(Word());
    if (count > (bytes_.size - std::min(at_, bytes_.size)) / bytes_each) {
      return Broken(where_, at_ - 4, "vector network is too short for its " + std::to_string(count) + " parts");
    }
    return count;
  }
  fig::Outcome<fig::Nothing> ReadHead() {
    constexpr std::size_t kVertexBytes = 12, kSegmentBytes = 28, kLeastRegionBytes = 8;
    const std::uint32_t vertices = FIG_TRY(Count(kVertexBytes));
    const std::uint32_t segments = FIG_TRY(Count(kSegmentBytes));
    regions_ = FIG_TRY(Count(kLeastRegionBytes));
    for (std::uint32_t i = 0; i < vertices; ++i) {
      FIG_TRY(Word());
      vertices_.push_back({FIG_TRY(Place())});
    }
    for (std::uint32_t i = 0; i < segments; ++i) {
      Segment segment;
      FIG_TRY(Word());
      segment.from = FIG_TRY(Word());
      segment.from_tangent = FIG_TRY(Place());
      segment.to = FIG_TRY(Word());
      segment.to_tangent = FIG_TRY(Place());
      if (segment.from >= vertices || segment.to >= vertices) return Broken(where_, at_, "segment of a vertex that is not there");
      segments_.push_back(segment);
    }
    return fig::Nothing{};
  }
  fig::Outcome<NetworkRegion> ReadRegion() {
    NetworkRegion region;
    const std::uint32_t flags = FIG_TRY(Word());
    region.winding = (flags & 1) != 0 ? Winding::kNonZero : Winding::kOdd;
    region.style_id = flags >> 1;
    const std::uint32_t loops = FIG_TRY(Count(4));
    Pen pen;
    for (std::uint32_t i = 0; i < loops; ++i) FIG_TRY(ReadLoop(pen));
    region.outline = pen.Take();
    return region;
  }
  // Segments may lie against the direction of the loop.
  fig::Outcome<fig::Nothing> ReadLoop(Pen& pen) {
    const std::uint32_t count = FIG_TRY(Count(4));
    std::vector<Segment> loop;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t index = FIG_TRY(Word());
      if (index >= segments_.size()) return Broken(where_, at_ - 4, "loop of a segment that is not there");
      loop.push_back(segments_[index]);
    }
    if (loop.empty()) return fig::Nothing{};
    const auto turn = [](Segment& segment) {
      std::swap(segment.from, segment.to);
      std::swap(segment.from_tangent, segment.to_tangent);
    };
    if (loop.size() > 1 && loop[0].to != loop[1].from && loop[0].to != loop[1].to) turn(loop[0]);
    const Point start = vertices_[loop[0].from].at;
    pen.Move(start.x, start.y);
    std::uint32_t here = loop[0].from;
    for (Segment& segment : loop) {
      if (segment.from != here) turn(segment);
      const Point from = vertices_[segment.from].at, to = vertices_[segment.to].at;
      pen.Cubic({from.x + segment.from_tangent.x, from.y + segment.from_tangent.y},
                {to.x + segment.to_tangent.x, to.y + segment.to_tangent.y}, to);
      here = segment.to;
    }
    pen.Close();
    return fig::Nothing{};
  }

  fig::Bytes bytes_;
  const std::string& where_;
  Point scale_;
  std::size_t at_ = 0;
  std::uint32_t regions_ = 0;
  std::vector<Vertex> vertices_;
  std::vector<Segment> segments_;
};

}  // namespace

fig::Outcome<std::vector<NetworkRegion>> ParseNetwork(fig::Bytes blob, const std::string& where, Point scale,
                                                      const fig::Budget& budget) {
  return NetworkReader(blob, where, scale).Read(budget.path_commands);
}

}  // namespace scene
