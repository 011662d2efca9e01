// Outlines as path data.
#pragma once

#include <string>

#include "scene/scene.h"

namespace svg {

// The value of a `d` attribute. `to` is applied to every point. Coordinates are relative and rounded
// to a hundred-thousandth of the outline's size or finer; errors do not add up along the path.
std::string PathData(const scene::Outline& outline, const scene::Matrix& to);

// A lower bound of the length of PathData, before it is made.
std::uint64_t LeastLength(const scene::Outline& outline);

}  // namespace svg
