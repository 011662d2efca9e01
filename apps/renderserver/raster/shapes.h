// Fills and strokes of one node onto the top layer.
#pragma once

#include <vector>

#include "raster/layers.h"
#include "raster/source.h"
#include "scene/scene.h"

namespace raster {

class Shapes {
 public:
  Shapes(Layers& layers, Sources& sources) : layers_(layers), sources_(sources) {}

  // What all paints of the node get besides their own.
  struct Extra {
    double opacity = 1;
    scene::BlendMode blend = scene::BlendMode::kNormal;
  };
  fig::Outcome<fig::Nothing> Fill(const scene::Node& node, const scene::Matrix& to_picture, const Extra& extra);
  fig::Outcome<fig::Nothing> Stroke(const scene::Node& node, const scene::Matrix& to_picture);

 private:
  using Run = std::vector<const scene::Shape*>;
  fig::Outcome<fig::Nothing> FillRun(const Run& run, const scene::Node& node, const scene::Matrix& to_picture, const Extra& extra);
  fig::Outcome<fig::Nothing> FillPath(const scene::Paint& paint, const scene::Node& node, const scene::Matrix& to_picture, const Extra& extra);
  fig::Outcome<fig::Nothing> BurnPath(const scene::Paint& paint, const scene::Node& node, const scene::Matrix& to_picture, const Extra& extra);
  fig::Outcome<fig::Nothing> StrokeOutside(const scene::Node& node, const scene::Matrix& to_picture);

  Layers& layers_;
  Sources& sources_;
};

}  // namespace raster
