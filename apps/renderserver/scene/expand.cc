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

fig::Check Expander::Add(std::uint32_t node, const Matrix& transform) {
  if (scene_.nodes.empty()) Append({}, Node::kNone);
  FIG_TRY(Push({&document_.nodes[node], node, nullptr, 0, 1, {}}));
  const Matrix* placed = &transform;  // the first one's own, since it is not drawn within its parents
  while (!stack_.empty()) {
    const Pending pending = std::move(stack_.back());
    stack_.pop_back();
    FIG_TRY(Visit(pending, placed));
    placed = nullptr;
  }
  return Nothing{};
}

fig::Check Expander::Push(Pending pending) {
  if (pending.depth > budget_.tree_depth) {
    return Fault{FaultClass::kBudget, "more than " + std::to_string(budget_.tree_depth) + " nodes inside one another", Fault::kNowhere, ""};
  }
  if (++pushed_ > budget_.expanded_nodes) {
    return Fault{FaultClass::kBudget, "more than " + std::to_string(budget_.expanded_nodes) + " nodes with all instances", Fault::kNowhere, ""};
  }
  stack_.push_back(std::move(pending));
  return Nothing{};
}

fig::Check Expander::Visit(const Pending& pending, const Matrix* transform) {
  const Placed node = pending.scope ? FIG_TRY(pending.scope->Place(*pending.node, meter_)) : Placed(pending.node);
  const std::optional<Drawn> drawn = FIG_TRY(Draw(*node, pending, transform));
  return drawn ? PushChildren(*node, pending, *drawn) : Nothing{};
}

fig::Outcome<std::optional<Expander::Drawn>> Expander::Draw(const NodeChange& node, const Pending& pending, const Matrix* transform) {
  if (!IsDrawn(node)) return std::optional<Drawn>();
  Node to;
  FIG_TRY(appearance_.Draw(node, to));
  if (transform != nullptr) to.transform = *transform;
  if (to.opacity <= 0 && to.mask == Mask::kNone) return std::optional<Drawn>();
  const Matrix to_root = pending.parent_to_root * to.transform;
  if (!IsSane(to_root)) return Fault{FaultClass::kGeometry, NameOf(node) + " is beyond any canvas", node.offset, "message"};
  return std::optional<Drawn>(Drawn{Append(std::move(to), pending.parent), to_root});
}

fig::Check Expander::PushChildren(const NodeChange& node, const Pending& pending, const Drawn& drawn) {
  if (node.type == NodeType::kInstance) return PushInstance(node, pending, drawn);
  // What its children make together is its own outline; where they make nothing, there is none.
  if (node.type == NodeType::kBooleanOperation) return Nothing{};
  if (node.type == NodeType::kSection && node.section_contents_hidden.value_or(false)) return Nothing{};
  if (pending.index != Tree::kNone) FIG_TRY(PushAll(pending.index, pending.scope, pending, drawn));
  return node.generated ? PushGenerated(node, pending, drawn) : Nothing{};
}

// The last one first: the stack turns them round.
fig::Check Expander::PushAll(std::uint32_t parent_in_document, const std::shared_ptr<const Scope>& scope, const Pending& above,
                             const Drawn& drawn) {
  const Tree::Children children = tree_.Of(parent_in_document);
  for (std::size_t i = children.size(); i-- > 0;) {
    const std::uint32_t child = children.first[i];
    FIG_TRY(Push({&document_.nodes[child], child, scope, drawn.index, above.depth + 1, drawn.to_root}));
  }
  return Nothing{};
}

fig::Check Expander::PushInstance(const NodeChange& node, const Pending& pending, const Drawn& drawn) {
  std::optional<fig::Guid> symbol = node.overridden_symbol;
  if ((!symbol || symbol->null()) && node.symbol) symbol = node.symbol->symbol_id;
  if (!symbol || symbol->null()) return Nothing{};
  const auto found = document_.by_guid.find(*symbol);
  if (found == document_.by_guid.end()) {
    appearance_.remarks().Add("an instance of a component that is not in the file is not drawn");
    return Nothing{};
  }
  if (pending.scope && pending.scope->IsInside(*symbol)) {
    return Fault{FaultClass::kGraph, NameOf(node) + " is an instance of what it lies in", node.offset, "message"};
  }
  const auto scope = FIG_TRY(Scope::Inside(node, *symbol, pending.scope, meter_));
  return PushAll(found->second, scope, pending, drawn);
}

// The shape, then its text: each is a node but for what is derived, which lies in a list of its own.
// They lie below the node's own children.
fig::Check Expander::PushGenerated(const NodeChange& node, const Pending& pending, const Drawn& drawn) {
  const std::vector<NodeChange>& parts = *node.generated;
  const std::vector<NodeChange> none;
  const std::vector<NodeChange>& derived = node.derived_generated ? *node.derived_generated : none;
  for (std::size_t i = parts.size(); i-- > 0;) {
    FIG_TRY(meter_.Keep(CostOf(parts[i])));
    FIG_TRY(meter_.Work(derived.size() * sizeof(Guid)));
    NodeChange part = parts[i];
    for (std::size_t k = 0; k < derived.size(); ++k) {
      const bool named = !part.guid_path.empty() && derived[k].guid_path == part.guid_path;
      const bool placed = part.guid_path.empty() && k == i;
      if (!named && !placed) continue;
      FIG_TRY(meter_.Keep(CostOf(derived[k])));
      Apply(derived[k], part);
    }
    if (!part.type) part.type = part.derived_text || part.text ? NodeType::kText : NodeType::kVector;
    if (!part.size) part.size = node.size;
    part.generated.reset();
    generated_.push_back(std::move(part));
    FIG_TRY(Push({&generated_.back(), Tree::kNone, pending.scope, drawn.index, pending.depth + 1, drawn.to_root}));
  }
  return Nothing{};
}

}  // namespace scene
