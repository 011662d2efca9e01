#include "scene/expand.h"

#include <algorithm>

namespace scene {
namespace {

using fig::Fault;
using fig::FaultClass;
using fig::NodeChange;
using fig::NodeType;
using fig::Nothing;

bool IsDrawn(const NodeChange& node) {
  if (!node.visible.value_or(true) || node.style_type.value_or("NONE") != "NONE") return false;
  switch (node.type.value_or(NodeType::kUnknown)) {
    case NodeType::kUnknown:
    case NodeType::kDocument:
    case NodeType::kCanvas:
    case NodeType::kSlice:
    case NodeType::kVariable:
    case NodeType::kVariableSet: return false;
    default: return true;
  }
}

// Its own geometry is what its children make together.
bool StandsForItsChildren(const NodeChange& node) {
  return node.type == NodeType::kBooleanOperation && node.fill_geometry && !node.fill_geometry->empty();
}

}  // namespace

std::uint32_t Expander::Append(Node node, std::uint32_t parent) {
  const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
  node.parent = parent;
  scene_.nodes.push_back(std::move(node));
  last_child_.resize(scene_.nodes.size(), Node::kNone);
  if (parent == Node::kNone) return index;
  std::uint32_t& last = last_child_[parent];
  (last == Node::kNone ? scene_.nodes[parent].first_child : scene_.nodes[last].next_sibling) = index;
  last = index;
  return index;
}

fig::Outcome<Nothing> Expander::Add(std::uint32_t node, const Matrix& transform) {
  if (scene_.nodes.empty()) Append({}, Node::kNone);
  stack_.push_back({&document_.nodes[node], node, nullptr, 0, 1});
  const Matrix* placed = &transform;  // the node's own, when it is not drawn within its parents
  while (!stack_.empty()) {
    const Pending pending = std::move(stack_.back());
    stack_.pop_back();
    FIG_TRY(Draw(pending, placed));
    placed = nullptr;
  }
  return Nothing{};
}

fig::Outcome<Nothing> Expander::Draw(const Pending& pending, const Matrix* transform) {
  if (pending.depth > budget_.tree_depth) {
    return Fault{FaultClass::kBudget, "more than " + std::to_string(budget_.tree_depth) + " nodes inside one another", Fault::kNowhere, ""};
  }
  const Placed node = pending.scope ? pending.scope->Place(*pending.node) : Placed(pending.node);
  if (!IsDrawn(*node)) return Nothing{};
  if (scene_.nodes.size() > budget_.expanded_nodes) {
    return Fault{FaultClass::kBudget, "more than " + std::to_string(budget_.expanded_nodes) + " nodes with all instances", Fault::kNowhere, ""};
  }
  Node drawn;
  FIG_TRY(appearance_.Draw(*node, drawn));
  if (transform != nullptr) drawn.transform = *transform;
  if (drawn.opacity <= 0 && drawn.mask == Mask::kNone) return Nothing{};
  const std::uint32_t index = Append(std::move(drawn), pending.parent);
  if (StandsForItsChildren(*node)) return Nothing{};
  if (node->type == NodeType::kSection && node->section_contents_hidden.value_or(false)) return Nothing{};
  return PushChildren(node, pending, index);
}

fig::Outcome<Nothing> Expander::PushChildren(const Placed& node, const Pending& pending, std::uint32_t parent) {
  if (node->type == NodeType::kInstance) return PushInstance(node, pending, parent);
  if (node->generated) PushGenerated(*node, pending, parent);
  if (pending.index == Tree::kNone) return Nothing{};
  const Tree::Children children = tree_.Of(pending.index);
  for (std::size_t i = children.size(); i-- > 0;) Push(children.first[i], pending.scope, pending, parent);
  return Nothing{};
}

void Expander::Push(std::uint32_t index, std::shared_ptr<const Scope> scope, const Pending& above, std::uint32_t parent) {
  stack_.push_back({&document_.nodes[index], index, std::move(scope), parent, above.depth + 1});
}

fig::Outcome<Nothing> Expander::PushInstance(const Placed& node, const Pending& pending, std::uint32_t parent) {
  std::optional<fig::Guid> symbol = node->overridden_symbol;
  if ((!symbol || symbol->null()) && node->symbol) symbol = node->symbol->symbol_id;
  if (!symbol || symbol->null()) return Nothing{};
  const auto found = document_.by_guid.find(*symbol);
  if (found == document_.by_guid.end()) {
    appearance_.remarks().Add("an instance of a component that is not in the file is not drawn");
    return Nothing{};
  }
  if (pending.scope && pending.scope->IsInside(*symbol)) {
    return Fault{FaultClass::kGraph, NameOf(*node) + " is an instance of what it lies in", Fault::kNowhere, "message"};
  }
  const auto scope = Scope::Inside(*node, *symbol, pending.scope);
  const Tree::Children children = tree_.Of(found->second);
  for (std::size_t i = children.size(); i-- > 0;) Push(children.first[i], scope, pending, parent);
  return Nothing{};
}

// The shape, then its text: each is a node but for what is derived, which lies in a list of its own.
void Expander::PushGenerated(const NodeChange& node, const Pending& pending, std::uint32_t parent) {
  const std::vector<NodeChange>& parts = *node.generated;
  for (std::size_t i = parts.size(); i-- > 0;) {
    NodeChange part = parts[i];
    if (node.derived_generated) {
      const auto& derived = *node.derived_generated;
      for (std::size_t k = 0; k < derived.size(); ++k) {
        const bool named = !part.guid_path.empty() && derived[k].guid_path == part.guid_path;
        const bool placed = part.guid_path.empty() && k == i;
        if (named || placed) Apply(derived[k], part);
      }
    }
    if (!part.type) part.type = part.derived_text || part.text ? NodeType::kText : NodeType::kVector;
    if (!part.size) part.size = node.size;
    part.generated.reset();
    generated_.push_back(std::move(part));
    stack_.push_back({&generated_.back(), Tree::kNone, pending.scope, parent, pending.depth + 1});
  }
}

}  // namespace scene
