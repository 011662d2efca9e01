#include "scene/meter.h"

namespace scene {
namespace {

template <typename T>
std::uint64_t CostOfList(const std::optional<std::vector<T>>& list) {
  return list ? list->size() * sizeof(T) : 0;
}

}  // namespace

std::uint64_t CostOf(const std::vector<fig::Paint>& paints) {
  std::uint64_t cost = paints.size() * sizeof(fig::Paint);
  for (const fig::Paint& paint : paints) {
    cost += paint.stops.size() * sizeof(fig::ColourStop) + paint.image.hash.size() + paint.image.name.size();
  }
  return cost;
}

std::uint64_t CostOf(const fig::NodeChange& node) {
  std::uint64_t cost = sizeof(node) + node.position.size() + (node.name ? node.name->size() : 0);
  for (const auto* paints : {&node.fill_paints, &node.stroke_paints, &node.background_paints}) {
    if (*paints) cost += CostOf(**paints);
  }
  cost += CostOfList(node.effects) + CostOfList(node.dash_pattern) + CostOfList(node.fill_geometry) + CostOfList(node.stroke_geometry);
  cost += node.guid_path.size() * sizeof(fig::Guid);
  return cost;
}

}  // namespace scene
