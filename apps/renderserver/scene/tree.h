// Who is whose child, in paint order; and nobody's own ancestor.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fig/document.h"

namespace scene {

class Tree {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  struct Children {
    const std::uint32_t* first;
    const std::uint32_t* last;
    const std::uint32_t* begin() const { return first; }
    const std::uint32_t* end() const { return last; }
    std::size_t size() const { return static_cast<std::size_t>(last - first); }
  };

  // `document` must outlive it. Fails with kGraph: parents in a circle, no document node.
  static fig::Outcome<Tree> Make(const fig::Document& document);

  std::uint32_t root() const { return root_; }
  Children Of(std::uint32_t node) const { return {children_.data() + begin_[node], children_.data() + begin_[node + 1]}; }
  std::uint32_t Parent(std::uint32_t node) const { return parents_[node]; }  // kNone: of nobody
  // Pages that people see, in order.
  const std::vector<std::uint32_t>& pages() const { return pages_; }

 private:
  std::uint32_t root_ = kNone;
  std::vector<std::uint32_t> parents_, begin_, children_, pages_;
};

}  // namespace scene
