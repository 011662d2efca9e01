#include "svg/path.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "svg/number.h"

namespace svg {
namespace {

using scene::Outline;

int DecimalsFor(const scene::Rect& bounds) {
  const double size = std::max(bounds.width, bounds.height);
  if (size >= 100) return 3;
  if (size >= 10) return 4;
  if (size >= 1) return 5;
  return kMostDecimals;
}

// Writes commands with coordinates relative to the last point, both on the grid of steps: what is
// added up is whole numbers, so the rounding of one point never reaches the next.
class PathText {
 public:
  PathText(int decimals, std::string* out) : decimals_(decimals), out_(out) {}

  void Command(Outline::Command command, const scene::Point* points, int count) {
    Step at[3];
    for (int i = 0; i < count; ++i) at[i] = {ToSteps(points[i].x, decimals_), ToSteps(points[i].y, decimals_)};
    switch (command) {
      case Outline::kMove: Move(at[0]); break;
      case Outline::kLine: Line(at[0]); break;
      case Outline::kQuad: Curve('q', at, 2); break;
      case Outline::kCubic: Curve('c', at, 3); break;
      case Outline::kClose: Close(); break;
    }
  }

 private:
  struct Step {
    std::int64_t x = 0, y = 0;
  };

  void Letter(char letter) {
    if (letter == letter_) return;  // a repeated command needs no letter
    *out_ += letter;
    letter_ = letter;
    fresh_ = true;
  }
  void Number(std::int64_t steps) {
    if (!fresh_ && steps >= 0) *out_ += ' ';
    AppendSteps(steps, decimals_, out_);
    fresh_ = false;
  }
  void Pair(const Step& point) {
    Number(point.x - current_.x);
    Number(point.y - current_.y);
  }
  void Move(const Step& point) {
    letter_ = 0;  // coordinates after a move would be lines
    Letter(out_->empty() ? 'M' : 'm');
    Pair(point);
    letter_ = 0;
    current_ = start_ = point;
  }
  void Line(const Step& point) {
    if (point.y == current_.y && point.x != current_.x) {
      Letter('h');
      Number(point.x - current_.x);
    } else if (point.x == current_.x && point.y != current_.y) {
      Letter('v');
      Number(point.y - current_.y);
    } else {
      Letter('l');
      Pair(point);
    }
    current_ = point;
  }
  void Curve(char letter, const Step* points, int count) {
    Letter(letter);
    for (int i = 0; i < count; ++i) Pair(points[i]);
    current_ = points[count - 1];
  }
  void Close() {
    *out_ += 'z';
    letter_ = 0;
    current_ = start_;
  }

  int decimals_;
  std::string* out_;
  Step current_, start_;
  char letter_ = 0;
  bool fresh_ = true;  // nothing to separate the next number from
};

int PointsOf(Outline::Command command) {
  constexpr int kPoints[] = {0, 1, 1, 2, 3};
  return kPoints[command];
}

}  // namespace

std::string PathData(const Outline& outline, const scene::Matrix& to) {
  std::string text;
  text.reserve(LeastLength(outline) * 2);
  PathText path(DecimalsFor(scene::Bounds(to, outline.bounds)), &text);
  std::size_t at = 0;
  for (const Outline::Command command : outline.commands) {
    scene::Point points[3];
    const int count = PointsOf(command);
    for (int i = 0; i < count; ++i, at += 2) {
      points[i] = scene::Apply(to, {outline.points[at], outline.points[at + 1]});
    }
    path.Command(command, points, count);
  }
  return text;
}

std::uint64_t LeastLength(const Outline& outline) { return outline.commands.size() + outline.points.size(); }

}  // namespace svg
