// Paints and effects of a file -> those of a scene: what is invisible is left out, gradients and images
// are placed in the node.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "scene/numbers.h"
#include "scene/scene.h"

namespace scene {

// Remarks, each once.
class Remarks {
 public:
  explicit Remarks(std::vector<std::string>& list) : list_(list) {}
  void Add(std::string text) {
    if (seen_.insert(text).second) list_.push_back(std::move(text));
  }

 private:
  std::vector<std::string>& list_;
  std::set<std::string> seen_;
};

PaintList Convert(const std::vector<fig::Paint>& paints, Size size, const fig::Document& document, Remarks& remarks);
bool AnyVisible(const std::vector<fig::Paint>& paints);
// Fails with kGeometry.
fig::Outcome<std::vector<Effect>> Convert(const std::vector<fig::Effect>& effects, const fig::NodeChange& node, Remarks& remarks);

}  // namespace scene
