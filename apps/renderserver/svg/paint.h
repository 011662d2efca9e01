// Paints as SVG: what a path's own fill can say, and sheets for what it cannot.
#pragma once

#include <string>
#include <string_view>

#include "svg/markup.h"
#include "scene/scene.h"

namespace svg {

std::string Hex(const scene::Colour& colour);  // "#1a2b3c" or "#abc", without the alpha

// ` fill="#1a2b3c" fill-opacity=".5"` and the like; "" for opaque black, which is SVG's default.
std::string SolidFill(const scene::Colour& colour, double opacity);

// ` opacity=".5"`, "" for 1.
std::string OpacityAttribute(std::string_view name, double opacity);

// "mix-blend-mode:multiply", or "" for modes that need no word.
std::string BlendStyle(scene::BlendMode blend);

// Whether a path's fill attribute can say this paint: solid, linear and radial gradients.
bool IsPlain(const scene::Paint& paint);

// The attributes of a plain paint. Gradients are defined on the way, in the node's coordinates.
std::string PlainFill(const scene::Paint& paint, Markup* markup);

// Angular and diamond gradients: a definition to be used through a clip, in the node's coordinates,
// large enough for `area`. Returns the attributes of the <use> (reference, transform, mask), the
// paint's opacity not included.
std::string GradientSheet(const scene::Paint& paint, const scene::Rect& area, Markup* markup);

}  // namespace svg
