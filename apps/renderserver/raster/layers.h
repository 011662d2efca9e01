// The stack of surfaces that a picture is painted on, and how each goes onto the one below.
#pragma once

#include <optional>
#include <vector>

#include "raster/blend.h"
#include "raster/surface.h"

namespace raster {

struct Layer {
  enum class Purpose : std::uint8_t {
    kBase,
    kGroup,       // goes down with the node's opacity and blend mode, blurred when it has a layer blur
    kContent,     // of a node with shadows
    kMaskSource,  // becomes a mask
    kMasked,      // goes down through `mask`
  };
  Purpose purpose = Purpose::kBase;
  Surface surface;
  ContextPtr context;
  std::optional<Surface> mask;

  // What drawing can change now.
  Box Clip() const;
};

class Layers {
 public:
  explicit Layers(const fig::Budget& budget) : pixels_(budget) {}

  fig::Outcome<fig::Nothing> Push(Layer::Purpose purpose, const Box& box);
  Layer Pop();
  Layer& top() { return layers_.back(); }
  std::size_t size() const { return layers_.size(); }
  Pixels& pixels() { return pixels_; }

  // Onto the top. cairo's own modes; linear burn as well.
  void PutDown(const Surface& surface, double opacity, scene::BlendMode blend);

 private:
  Pixels pixels_;
  std::vector<Layer> layers_;
};

}  // namespace raster
