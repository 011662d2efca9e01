// A node's shadows as elements: what casts them, and what of them is seen.
#pragma once

#include <string>

#include "scene/scene.h"
#include "svg/extent.h"
#include "svg/markup.h"
#include "svg/shapes.h"

namespace svg {

bool HasEffect(const scene::Node& node, scene::Effect::Type type);

class Shadows {
 public:
  // Both must outlive this.
  Shadows(Markup* markup, Shapes* shapes) : markup_(markup), shapes_(shapes) {}

  // Below the node: cast by all that it shows, which is the group of that name, and wider or narrower
  // around its fills.
  void Drop(const scene::Node& node, const Extent& extent, const std::string& content);
  // Over the fills, and only there.
  void Inner(const scene::Node& node, const Extent& extent);

 private:
  void DropOne(const scene::Effect& effect, const scene::Node& node, const Extent& extent, const std::string& content);
  void InnerOne(const scene::Effect& effect, const scene::Node& node, const Extent& extent);
  std::string Band(const std::vector<scene::Shape>& shapes, double spread);
  std::string Without(const std::vector<scene::Shape>& shapes, double spread, const scene::Rect& area);

  Markup* markup_;
  Shapes* shapes_;
};

}  // namespace svg
