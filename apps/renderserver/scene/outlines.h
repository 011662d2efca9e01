// Path blobs -> Outlines, each parsed once and checked: commands known, numbers finite, within budget.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "scene/scene.h"

namespace scene {

// The smallest rectangle around the curves themselves, not around their control points.
Rect ExactBounds(const Outline& outline);

class Outlines {
 public:
  // All must outlive it.
  Outlines(const fig::Document& document, const fig::Budget& budget, std::deque<Outline>& kept)
      : document_(document), budget_(budget), kept_(kept) {}

  // commandsBlob. Fails with kGeometry, kBudget.
  fig::Outcome<const Outline*> FromBlob(std::uint32_t blob);
  // What a file would have said had it left its geometry in.
  struct Corners {
    double top_left = 0, top_right = 0, bottom_right = 0, bottom_left = 0;
  };
  fig::Outcome<const Outline*> Rectangle(const Rect& rect, const Corners& corners);
  fig::Outcome<const Outline*> Ellipse(double width, double height);
  fig::Outcome<const Outline*> Keep(Outline outline);

 private:
  const fig::Document& document_;
  const fig::Budget& budget_;
  std::deque<Outline>& kept_;
  std::map<std::uint32_t, const Outline*> by_blob_;
  std::uint64_t commands_ = 0;
};

// vectorNetworkBlob: the regions as closed outlines, each with its winding and its style.
struct NetworkRegion {
  Winding winding = Winding::kNonZero;
  std::uint32_t style_id = 0;
  Outline outline;
};
// `scale`: node size over normalized size. Fails with kGeometry, kBudget.
fig::Outcome<std::vector<NetworkRegion>> ParseNetwork(fig::Bytes blob, const std::string& where, Point scale,
                                                      const fig::Budget& budget);

}  // namespace scene
