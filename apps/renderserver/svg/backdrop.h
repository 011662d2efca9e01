// What lies below a node, once more and blurred: SVG has no word for it. Everything that was painted
// before in the same isolated group is referred to, none of it written twice.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "scene/scene.h"
#include "svg/extent.h"
#include "svg/markup.h"

namespace svg {

class Backdrop {
 public:
  // All must outlive this.
  Backdrop(const scene::Scene& scene, const std::vector<Extent>& extents, Markup* markup, std::set<std::string>* remarks);

  // Whether the scene needs this at all; else the calls below do nothing, and fills need no names.
  bool active() const { return active_; }

  // The writer tells what it does. Between Enter and Leave are the node's children; `fills` is the name
  // of its own fills, `clip` the reference of what its children are clipped to, "" for none.
  enum class Grouping : std::uint8_t { kOpen, kIsolated };
  void Enter(std::uint32_t node, Grouping group, const std::string& fills, const std::string& clip);
  void Leave();
  void Painted(std::uint32_t node, const std::string& id);  // whole, children and all
  void OpenMask();                                          // around the siblings that follow

  // What has been painted up to now, blurred, as far as `area` (a clip's reference) shows it.
  void Write(std::uint32_t node, double radius, const std::string& area);

 private:
  struct Element {
    std::uint32_t node = 0;
    std::string id;
    std::size_t masks = 0;  // were open around it
  };
  struct Level {
    std::uint32_t node = 0;
    Grouping group = Grouping::kOpen;
    std::string fills, clip;
    std::size_t masks = 0;  // that are open around the siblings now
    std::vector<Element> painted;
  };

  std::size_t FirstLevel() const;  // of the innermost isolated group
  std::string UsesOf(const Level& level, const scene::Rect& reach, std::uint64_t* cost) const;

  const scene::Scene& scene_;
  const std::vector<Extent>& extents_;
  Markup* markup_;
  std::set<std::string>* remarks_;
  bool active_ = false;
  std::vector<Level> levels_;
  std::vector<std::uint64_t> costs_;  // by node: elements that a viewer has to draw for it
  std::uint64_t left_;
};

}  // namespace svg
