// Walks a scene and paints it, with a stack of its own instead of the machine's.
#pragma once

#include <limits>
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
  Painter(const scene::Scene& scene, const fig::Budget& budget, Compositor* compositor, Edges edges, std::vector<std::string>* remarks)
      : scene_(scene), budget_(budget), reaches_(scene::Reaches(scene, std::numeric_limits<double>::infinity())), layers_(budget, compositor, edges), sources_(budget, layers_.pixels(), layers_.work(), remarks),
        shapes_(layers_, sources_), effects_(layers_, budget) {}

  // Everything below the root, onto a surface of that box with the scene's background. The surface must
  // not outlive the painter, who has its budget.
  fig::Outcome<Surface> Paint(const Box& picture, const scene::Matrix& to_picture);

 private:
  // A node whose children are being painted.
  struct Open {
    std::uint32_t node = 0;
    std::uint32_t next_child = 0;
    scene::Matrix to_picture;
    std::size_t layers = 0;    // there were when it was opened
    std::size_t own = 0;       // there were when its children began: what is above belongs to masks
    bool clips = false;        // `clip` is to be given back
    scene::Rect clip;
    std::uint32_t mask = scene::Node::kNone;  // the child that was opened last and becomes a mask
  };
  fig::Outcome<fig::Nothing> Enter(std::uint32_t node, const scene::Matrix& parent);
  fig::Outcome<fig::Nothing> PaintOwn(const scene::Node& node, const scene::Matrix& to_picture);
  fig::Outcome<fig::Nothing> PushLayers(const scene::Node& node, const scene::Reach& reach, const scene::Matrix& to_picture);
  fig::Outcome<fig::Nothing> Clip(const scene::Node& node, const scene::Reach& reach, Open& open);
  fig::Outcome<fig::Nothing> Step();
  fig::Outcome<fig::Nothing> Leave();
  fig::Outcome<fig::Nothing> PopInner(const Open& open);
  fig::Outcome<fig::Nothing> PopOwn(const Open& open);
  fig::Outcome<fig::Nothing> BeginMask(std::uint32_t node, Open& parent);
  fig::Outcome<fig::Nothing> TakeMask(Open& parent);
  void FillOutlines(std::uint32_t node, const scene::Matrix& to_picture);

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
