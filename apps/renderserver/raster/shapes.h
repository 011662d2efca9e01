// Fills and strokes of one node onto the top layer.
#pragma once

#include "raster/layers.h"
#include "raster/path.h"
#include "raster/source.h"
#include "scene/scene.h"

namespace raster {

// An outer stroke whose inner half the node's own opaque area hides: painted before it, and no background
// shines through between the two.
bool StrokeLiesBelow(const scene::Node& node);
// Some paint of the shape hides what is below it, or only an image might, or none.
bool IsOpaque(const scene::PaintList* paints);

class Shapes {
 public:
  // Both must outlive it.
  Shapes(Layers& layers, Sources& sources) : layers_(layers), sources_(sources) {}

  // What all paints of the node get besides their own.
  struct Extra {
    double opacity = 1;
    scene::BlendMode blend = scene::BlendMode::kNormal;
  };
  fig::Outcome<fig::Nothing> Fill(const scene::Node& node, const scene::Matrix& to_picture, const Extra& extra);
  // On its side of the edge.
  fig::Outcome<fig::Nothing> Stroke(const scene::Node& node, const scene::Matrix& to_picture);
  // As it is, on both sides.
  fig::Outcome<fig::Nothing> WholeStroke(const scene::Node& node, const scene::Matrix& to_picture, const Extra& extra);

 private:
  // Neighbours in a list that are one area.
  using Run = std::vector<const scene::Shape*>;
  struct Task {
    const scene::Node& node;
    const scene::Matrix& to_picture;
    const Extra& extra;
  };
  fig::Outcome<fig::Nothing> FillRun(const Run& run, const Task& task);
  // Where the current path of the top is; it stays.
  fig::Outcome<fig::Nothing> FillPath(const scene::Paint& paint, const Task& task, const Box& area);
  // What the path, within `area`, covers of each pixel: an A8 surface.
  fig::Outcome<Surface> MaskOfPath(const Box& area);
  fig::Outcome<fig::Nothing> FillMask(const Surface& mask, const scene::Paint& paint, const Task& task);
  // As it would be alone on nothing; then in the mode that cairo lacks.
  fig::Outcome<fig::Nothing> Burn(const Surface& mask, const scene::Paint& paint, const Task& task);
  fig::Outcome<fig::Nothing> StrokeOnSide(const scene::Shape& stroke, const Task& task);

  Layers& layers_;
  Sources& sources_;
};

}  // namespace raster
