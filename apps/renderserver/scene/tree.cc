#include "scene/tree.h"

#include <algorithm>

namespace scene {
namespace {

using fig::Fault;
using fig::FaultClass;
using fig::NodeType;

// Walks up from every node, marking where it was: a walk that meets its own mark goes in a circle.
std::uint32_t FindCircle(const std::vector<std::uint32_t>& parents) {
  std::vector<std::uint32_t> walk(parents.size(), Tree::kNone);
  for (std::uint32_t start = 0; start < parents.size(); ++start) {
    for (std::uint32_t at = start; at != Tree::kNone && walk[at] != start; at = parents[at]) {
      if (walk[at] != Tree::kNone) break;  // an earlier walk went on from here
      walk[at] = start;
      if (const std::uint32_t up = parents[at]; up != Tree::kNone && walk[up] == start) return up;
    }
  }
  return Tree::kNone;
}

std::string NameOf(const fig::Guid& guid) { return std::to_string(guid.session) + ":" + std::to_string(guid.local); }

}  // namespace

fig::Outcome<Tree> Tree::Make(const fig::Document& document) {
  Tree tree;
  const std::vector<fig::NodeChange>& nodes = document.nodes;
  const auto count = static_cast<std::uint32_t>(nodes.size());
  tree.parents_.assign(count, kNone);
  tree.begin_.assign(std::size_t{count} + 1, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    const NodeType type = nodes[i].type.value_or(NodeType::kUnknown);
    if (type == NodeType::kDocument && tree.root_ == kNone) tree.root_ = i;
    if (!nodes[i].parent) continue;
    const auto found = document.by_guid.find(*nodes[i].parent);
    if (found != document.by_guid.end()) tree.parents_[i] = found->second;
  }
  if (const std::uint32_t node = FindCircle(tree.parents_); node != kNone) {
    const std::string name = nodes[node].guid ? NameOf(*nodes[node].guid) : "without a guid";
    return Fault{FaultClass::kGraph, "node " + name + " is its own ancestor", nodes[node].offset, "message"};
  }
  if (tree.root_ == kNone) return Fault{FaultClass::kGraph, "there is no document node", Fault::kNowhere, "message"};

  for (std::uint32_t i = 0; i < count; ++i) {
    if (tree.parents_[i] == kNone) continue;
    tree.children_.push_back(i);
    ++tree.begin_[tree.parents_[i] + 1];
  }
  for (std::uint32_t i = 0; i < count; ++i) tree.begin_[i + 1] += tree.begin_[i];
  // Positions are compared as bytes; equal ones keep the order of the file.
  std::stable_sort(tree.children_.begin(), tree.children_.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (tree.parents_[a] != tree.parents_[b]) return tree.parents_[a] < tree.parents_[b];
    return nodes[a].position < nodes[b].position;
  });
  for (const std::uint32_t child : tree.Of(tree.root_)) {
    if (nodes[child].type != NodeType::kCanvas) continue;
    if (nodes[child].internal_only.value_or(false) || !nodes[child].visible.value_or(true)) continue;
    tree.pages_.push_back(child);
  }
  return tree;
}

}  // namespace scene
