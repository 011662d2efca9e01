// Path blobs -> Outlines, each parsed once and checked: commands known, numbers finite, within budget.
#pragma once

#include <cstdint>
#include <map>

#include "scene/meter.h"
#include "scene/scene.h"

namespace scene {

class Pen;  // scene/pen.h

// The smallest rectangle around the curves themselves, not around their control points, of the outline
// when it is moved by a matrix.
Rect ExactBounds(const Outline& outline, const Matrix& matrix = {});

class Outlines {
 public:
  // All must outlive it.
  Outlines(const fig::Document& document, const fig::Budget& budget, Meter& meter, std::deque<Outline>& kept)
      : document_(document), budget_(budget), meter_(meter), kept_(kept) {}

  // commandsBlob. Fails with kGeometry, kBudget.
  fig::Outcome<const Outline*> FromBlob(std::uint32_t blob);
  fig::Outcome<const Outline*> Keep(Outline outline);

 private:
  const fig::Document& document_;
  const fig::Budget& budget_;
  Meter& meter_;
  std::deque<Outline>& kept_;
  std::map<std::uint32_t, const Outline*> by_blob_;
  std::uint64_t commands_ = 0;
};

// What a file would have said had it left its geometry in. Radii end at half of the shorter side.
struct Corners {
  double top_left = 0, top_right = 0, bottom_right = 0, bottom_left = 0;
};
void AddRectangle(const Rect& rect, const Corners& corners, Pen& pen);
void AddEllipse(const Rect& rect, Pen& pen);

}  // namespace scene
