// Nodes of a file -> nodes of a scene, instances expanded, without recursion.
#pragma once

#include <memory>
#include <vector>

#include "scene/appearance.h"
#include "scene/overrides.h"
#include "scene/tree.h"

namespace scene {

class Expander {
 public:
  // All must outlive it.
  Expander(const fig::Document& document, const Tree& tree, const fig::Budget& budget, Scene& scene)
      : document_(document), tree_(tree), budget_(budget), scene_(scene), appearance_(document, budget, scene) {}

  // Adds `node` and all below it to the root of the scene. Fails with kGraph, kGeometry, kBudget.
  fig::Outcome<fig::Nothing> Add(std::uint32_t node, const Matrix& transform);

 private:
  // A node that is still to be drawn.
  struct Pending {
    const fig::NodeChange* node;
    std::uint32_t index;  // in the document; Tree::kNone for one that was generated
    std::shared_ptr<const Scope> scope;
    std::uint32_t parent;  // in the scene
    std::uint32_t depth;
  };
  fig::Outcome<fig::Nothing> Draw(const Pending& pending, const Matrix* transform);
  fig::Outcome<fig::Nothing> PushChildren(const Placed& node, const Pending& pending, std::uint32_t parent);
  fig::Outcome<fig::Nothing> PushInstance(const Placed& node, const Pending& pending, std::uint32_t parent);
  void PushGenerated(const fig::NodeChange& node, const Pending& pending, std::uint32_t parent);
  void Push(std::uint32_t index, std::shared_ptr<const Scope> scope, const Pending& above, std::uint32_t parent);
  std::uint32_t Append(Node node, std::uint32_t parent);

  const fig::Document& document_;
  const Tree& tree_;
  const fig::Budget& budget_;
  Scene& scene_;
  Appearance appearance_;
  std::vector<Pending> stack_;
  std::vector<std::uint32_t> last_child_;  // of each node of the scene
  std::deque<fig::NodeChange> generated_;
};

}  // namespace scene
