// Walks a scene and paints it, with a stack of its own instead of the machine's.
#pragma once

#include <vector>

#include "raster/effects.h"
#include "raster/layers.h"
#include "raster/shapes.h"
#include "raster/source.h"
#include "scene/bounds.h"
#include "scene/scene.h"

namespace raster {

class Painter {
 public:
  // All must outlive it.
  Painter(const scene::Scene& scene, const fig::Budget& budget, Compositor* compositor, std::vector<std::string>* remarks)
      : scene_(scene), budget_(budget), reaches_(scene::Reaches(scene)), layers_(budget, compositor), sources_(budget, layers_.pixels(), remarks),
        shapes_(layers_, sources_), effects_(layers_, budget) {}

  // Everything below the root, onto a transparent surface of that box with the scene's background.
  fig::Outcome<Surface> Paint(const Box& picture, const scene::Matrix& to_picture);

 private:
  // A node whose children are being painted.
  struct Open {
    std::uint32_t node;
    std::uint32_t next_child;
    scene::Matrix to_picture;
    std::size_t layers;    // there were when it was opened
    std::size_t own;       // there were when its children began: what is above belongs to masks
    bool makes_mask;       // the child that was opened last becomes a mask
  };
  fig::Outcome<fig::Nothing> Enter(std::uint32_t node, const scene::Matrix& parent);
  fig::Outcome<fig::Nothing> PushLayers(const scene::Node& node, const scene::Reach& reach, const scene::Matrix& to_picture);
  fig::Outcome<fig::Nothing> Step();
  fig::Outcome<fig::Nothing> Leave();
  fig::Outcome<fig::Nothing> PopOwn(const Open& open);
  fig::Outcome<fig::Nothing> BeginMask(const scene::Node& node, Open& parent);
  fig::Outcome<fig::Nothing> TakeMask(const Open& parent);
  bool IsSimple(const scene::Node& node) const;

  const scene::Scene& scene_;
  const fig::Budget& budget_;
  const std::vector<scene::Reach> reaches_;
  Layers layers_;
  Sources sources_;
  Shapes shapes_;
  Effects effects_;
  std::vector<Open> open_;
};

}  // namespace raster
