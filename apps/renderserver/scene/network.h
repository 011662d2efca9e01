// What a vector is made of, for files that leave out the outline that follows from it.
#pragma once

#include <string>
#include <vector>

#include "scene/scene.h"

namespace scene {

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
