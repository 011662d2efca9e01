// Outlines as paths of cairo, in pixels of the picture.
#pragma once

#include <vector>

#include "raster/surface.h"
#include "scene/scene.h"

namespace raster {

// `to_picture`: from the outline's coordinates. cairo counts in 1/256 of a pixel within 24 bits: what lies
// farther out is brought near, where nobody sees it.
void AddPath(cairo_t* context, const scene::Outline& outline, const scene::Matrix& to_picture);
void AddShape(cairo_t* context, const scene::Shape& shape, const scene::Matrix& node_to_picture);
void AddQuad(cairo_t* context, const scene::Point (&quad)[4]);

void SetWinding(cairo_t* context, scene::Winding winding);

// Clips to the union of the shapes; to nothing when there are none.
void ClipTo(cairo_t* context, const std::vector<scene::Shape>& shapes, const scene::Matrix& node_to_picture);
// Fills the union of the shapes with the source that is set.
void FillAll(cairo_t* context, const std::vector<scene::Shape>& shapes, const scene::Matrix& node_to_picture);

}  // namespace raster
