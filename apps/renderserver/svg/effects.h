// Shadows and blurs as filters. Deviations are half the radius; regions are the least that can be seen.
#pragma once

#include <string>

#include "scene/scene.h"
#include "svg/markup.h"

namespace svg {

// Each returns "url(#f1)", or "" when nothing of the result can be seen. `source` is what the filtered
// element covers, `visible` the picture's region, both in the coordinates of that element.

// Turns a silhouette into the shadow that it casts.
enum class Under : std::uint8_t { kShown, kCutOut };  // what lies under the silhouette itself
std::string DropShadowFilter(const scene::Effect& effect, Under under, const scene::Rect& source, const scene::Rect& visible, Markup* markup);

// Turns a hole's silhouette into the shadow around it; to be clipped to the shape that the hole is in.
std::string InnerShadowFilter(const scene::Effect& effect, const scene::Rect& source, const scene::Rect& visible, Markup* markup);

std::string BlurFilter(double radius, const scene::Rect& source, const scene::Rect& visible, Markup* markup);

}  // namespace svg
