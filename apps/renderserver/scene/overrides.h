// Instances: which changes apply to which node below a symbol.
//
// An override names its node by a path of keys: one key for any node of the symbol, more where the path
// crosses instances inside it. A node's key is its overrideKey, else its guid.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "scene/meter.h"

namespace scene {

// Copies every field that `change` has into `node`, but for what makes the node that node.
void Apply(const fig::NodeChange& change, fig::NodeChange& node);

fig::Guid KeyOf(const fig::NodeChange& node);

// A node as it is in one place: the file's own, or a changed copy of it.
class Placed {
 public:
  explicit Placed(const fig::NodeChange* node) : node_(node) {}
  explicit Placed(std::shared_ptr<const fig::NodeChange> changed) : changed_(std::move(changed)), node_(changed_.get()) {}
  const fig::NodeChange& operator*() const { return *node_; }
  const fig::NodeChange* operator->() const { return node_; }

 private:
  std::shared_ptr<const fig::NodeChange> changed_;
  const fig::NodeChange* node_;
};

// What holds inside one instance: its own overrides, its derived data, then those of the instances around
// it, which win. Immutable; keeps alive what it points to.
class Scope {
 public:
  // `around`: where the instance lies, null for none. Fails with kBudget.
  static fig::Outcome<std::shared_ptr<const Scope>> Inside(const fig::NodeChange& instance, fig::Guid symbol,
                                                           std::shared_ptr<const Scope> around, Meter& meter);

  fig::Outcome<Placed> Place(const fig::NodeChange& node, Meter& meter) const;
  // Is the symbol this instance's, or that of one around it?
  bool IsInside(fig::Guid symbol) const;

 private:
  struct Entry {
    fig::Guid key;
    const fig::NodeChange* change;
    std::uint32_t next;  // element of its path that is to be matched
  };
  struct ByKey {
    bool operator()(const Entry& a, const Entry& b) const { return a.key < b.key; }
  };
  void Add(const fig::NodeChange& change, std::uint32_t next);
  std::span<const Entry> Find(const fig::Guid& key) const;

  fig::Guid symbol_;
  std::shared_ptr<const fig::SymbolData> own_;
  std::shared_ptr<const std::vector<fig::NodeChange>> derived_;
  std::shared_ptr<const Scope> around_;
  std::vector<Entry> entries_;  // by key, those that win behind
};

}  // namespace scene
