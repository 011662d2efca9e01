// The stack of surfaces that a picture is painted on, and how each goes onto the one below.
#pragma once

#include <optional>
#include <vector>

#include "raster/blend.h"
#include "raster/blur.h"
#include "raster/compositor.h"
#include "raster/surface.h"
#include "raster/work.h"

namespace raster {

struct Layer {
  enum class Purpose : std::uint8_t {
    kBase,
    kGroup,       // goes down with the node's opacity and blend mode, blurred when it has a layer blur
    kContent,     // of a node whose shadows depend on all that it shows
    kClipped,     // begins as a copy of what is below; where `mask` covers it takes its place
    kMaskSource,  // becomes a mask
    kMasked,      // goes down through `mask`
  };
  Purpose purpose = Purpose::kBase;
  Surface surface;
  ContextPtr context;
  std::optional<Surface> mask;
  // The rectangle that drawing is limited to, which the context knows too.
  scene::Rect clip;

  // Pixels that drawing can change now.
  Box Clip() const { return Intersection(surface.box(), RoundOut(clip)); }
};

class Layers {
 public:
  // `compositor` may be null; it must outlive this.
  Layers(const fig::Budget& budget, Compositor* compositor, Edges edges) : pixels_(budget, edges), work_(budget), compositor_(compositor) {}

  fig::Outcome<fig::Nothing> Push(Layer::Purpose purpose, const Box& box);
  // The topmost one; fails when something that was drawn on it has failed.
  fig::Outcome<Layer> Pop();
  Layer& top() { return layers_.back(); }
  cairo_t* context() { return layers_.back().context.get(); }
  std::size_t size() const { return layers_.size(); }
  Pixels& pixels() { return pixels_; }
  Work& work() { return work_; }
  BlurTools blur_tools() { return {pixels_, work_, compositor_}; }

  // Drawing on the top stays within `rect` (of the picture) from here on, until the clip of before is
  // given back. Calls nest, on one layer.
  void ClipTo(const scene::Rect& rect);
  void Unclip(const scene::Rect& before);

  // Onto the top.
  fig::Outcome<fig::Nothing> PutDown(const Surface& surface, double opacity, scene::BlendMode blend);
  void PutDownThrough(const Surface& surface, const Surface& mask);
  // What is on the top there.
  fig::Outcome<Surface> Copy(const Box& box);
  // The top becomes `surface` where `mask` (A8) covers, or everywhere, as far as the clip allows.
  fig::Outcome<fig::Nothing> Become(const Surface& surface, const Surface* mask);

 private:
  Pixels pixels_;
  Work work_;
  Compositor* compositor_;
  std::vector<Layer> layers_;
};

// Fails when `context` has failed.
fig::Outcome<fig::Nothing> Check(cairo_t* context);

}  // namespace raster
