// Outlines as paths of cairo, in pixels of the picture.
#pragma once

#include <optional>
#include <vector>

#include "raster/surface.h"
#include "raster/work.h"
#include "scene/scene.h"

namespace raster {

using ShapeList = std::vector<scene::Shape>;

// A new current path that will be paid for by `work`; once that is spent, paths stay incomplete, and
// Work::Check() says so.
void BeginPath(cairo_t* context, Work& work);
// `to_picture`: from the outline's coordinates. What lies beyond cairo's numbers is cut where nobody sees.
void AddOutline(cairo_t* context, const scene::Outline& outline, const scene::Matrix& to_picture, Work& work);
void AddShape(cairo_t* context, const scene::Shape& shape, const scene::Matrix& node_to_picture, Work& work);
void AddQuad(cairo_t* context, const scene::Point (&quad)[4]);

void SetWinding(cairo_t* context, scene::Winding winding);

// Fills the union of the shapes with the source that is set.
void FillAll(cairo_t* context, const ShapeList& shapes, const scene::Matrix& node_to_picture, Work& work);

// Pixels that the shapes can touch, edges included.
scene::Rect BoundsOf(const ShapeList& shapes, const scene::Matrix& node_to_picture);
Box BoxOf(const scene::Rect& rect);
Box BoxOf(const ShapeList& shapes, const scene::Matrix& node_to_picture);

// The rectangle of the picture that the shapes are, if they are one.
std::optional<scene::Rect> RectangleOf(const ShapeList& shapes, const scene::Matrix& node_to_picture);
// Certainly nothing of `rect` (in the node's coordinates) lies outside; false: perhaps.
bool Holds(const ShapeList& shapes, const scene::Rect& rect);

}  // namespace raster
