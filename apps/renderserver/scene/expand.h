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
      : document_(document), tree_(tree), budget_(budget), scene_(scene), meter_(budget), appearance_(document, budget, meter_, scene) {}

  // Adds `node` and all below it to the root of the scene. Fails with kGraph, kGeometry, kBudget.
  fig::Check Add(std::uint32_t node, const Matrix& transform);

 private:
  // A node that is still to be drawn.
  struct Pending {
    const fig::NodeChange* node;
    std::uint32_t index;  // in the document; Tree::kNone for one that was generated
    std::shared_ptr<const Scope> scope;
    std::uint32_t parent;  // in the scene
    std::uint32_t depth;
    Matrix parent_to_root;
  };
  // A node that is drawn, for its children.
  struct Drawn {
    std::uint32_t index;  // in the scene
    Matrix to_root;
  };
  // `transform`: instead of the node's own. No value: nothing of it is to be seen.
  fig::Outcome<std::optional<Drawn>> Draw(const fig::NodeChange& node, const Pending& pending, const Matrix* transform);
  fig::Check Visit(const Pending& pending, const Matrix* transform);
  fig::Check PushChildren(const fig::NodeChange& node, const Pending& pending, const Drawn& drawn);
  fig::Check PushInstance(const fig::NodeChange& node, const Pending& pending, const Drawn& drawn);
  fig::Check PushGenerated(const fig::NodeChange& node, const Pending& pending, const Drawn& drawn);
  fig::Check PushAll(std::uint32_t parent_in_document, const std::shared_ptr<const Scope>& scope, const Pending& above, const Drawn& drawn);
  fig::Check Push(Pending pending);
  std::uint32_t Append(Node node, std::uint32_t parent);

  const fig::Document& document_;
  const Tree& tree_;
  const fig::Budget& budget_;
  Scene& scene_;
  Meter meter_;
  Appearance appearance_;
  std::vector<Pending> stack_;
  std::uint64_t pushed_ = 0;  // nodes, hidden ones too: they cost time all the same
  std::vector<std::uint32_t> last_child_;  // of each node of the scene
  std::deque<fig::NodeChange> generated_;
};

}  // namespace scene
