// Shadows and blurs as filters. Deviations are half the radius; regions are the least that can be seen.
#pragma once

#include <string>

#include "scene/scene.h"
#include "svg/markup.h"

namespace svg {

// Each returns "url(#f1)", or "" when nothing of the result can be seen. `source` is what the filtered
// element covers, `visible` the picture's region, both in the coordinates of that element.

// Turns an element into the shadow that it casts.
std::string ShadowFilter(const scene::Effect& effect, const scene::Rect& source, const scene::Rect& visible, Markup* markup);
std::string BlurFilter(double radius, const scene::Rect& source, const scene::Rect& visible, Markup* markup);

}  // namespace svg
