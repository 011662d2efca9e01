// Shadows and blurs of one node.
#pragma once

#include "raster/layers.h"
#include "raster/silhouette.h"
#include "scene/scene.h"

namespace raster {

// Pixels of the picture per unit of the node, for radii.
double ScaleOf(const scene::Matrix& to_picture);
bool Has(const scene::Node& node, scene::Effect::Type type);
// Standard deviation of the node's layer blur in pixels; 0: it has none.
double LayerBlur(const scene::Node& node, const scene::Matrix& to_picture, const fig::Budget& budget);
// How far around its content the node's drop shadows reach, in pixels.
int ShadowReach(const scene::Node& node, const scene::Matrix& to_picture, const fig::Budget& budget);

class Effects {
 public:
  Effects(Layers& layers, const fig::Budget& budget) : layers_(layers), budget_(budget) {}

  // Onto the top layer, under what casts them.
  fig::Outcome<fig::Nothing> DropShadows(const scene::Node& node, const scene::Matrix& to_picture, const Silhouette& silhouette);
  // Over what is on the top layer, within the silhouette.
  fig::Outcome<fig::Nothing> InnerShadows(const scene::Node& node, const scene::Matrix& to_picture, const Silhouette& silhouette);
  // Blurs what lies below the node's area.
  fig::Outcome<fig::Nothing> BackgroundBlur(const scene::Node& node, const scene::Matrix& to_picture);

 private:
  double Deviation(const scene::Effect& effect, const scene::Matrix& to_picture) const;
  fig::Outcome<fig::Nothing> DropShadow(const scene::Effect& effect, const scene::Matrix& to_picture, const Silhouette& silhouette);
  fig::Outcome<fig::Nothing> InnerShadow(const scene::Effect& effect, const scene::Matrix& to_picture, const Silhouette& silhouette);
  fig::Outcome<fig::Nothing> PaintThrough(const Surface& mask, const scene::Effect& effect);
  fig::Outcome<Surface> Backdrop(const Box& box);

  Layers& layers_;
  const fig::Budget& budget_;
};

}  // namespace raster
