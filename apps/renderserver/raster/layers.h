// The stack of surfaces that a picture is painted on, and how each goes onto the one below.
#pragma once

#include <optional>
#include <vector>

#include "raster/blend.h"
#include "raster/compositor.h"
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
  // `compositor` may be null; it must outlive this.
  Layers(const fig::Budget& budget, Compositor* compositor) : pixels_(budget), compositor_(compositor) {}

  fig::Outcome<fig::Nothing> Push(Layer::Purpose purpose, const Box& box);
  Layer Pop();
  Layer& top() { return layers_.back(); }
  std::size_t size() const { return layers_.size(); }
  Pixels& pixels() { return pixels_; }

  // Onto the top, within its clip.
  fig::Outcome<fig::Nothing> PutDown(const Surface& surface, double opacity, scene::BlendMode blend);
  fig::Outcome<fig::Nothing> Blur(Surface& surface, double deviation);

 private:
  fig::Outcome<fig::Nothing> PutDownBy(Compositor& compositor, const Surface& surface, double opacity, scene::BlendMode blend);

  Pixels pixels_;
  Compositor* compositor_;
  std::vector<Layer> layers_;
};

}  // namespace raster
