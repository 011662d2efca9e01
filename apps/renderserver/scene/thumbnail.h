// What a file's own thumbnail tells about itself.
#pragma once

#include <optional>

#include "fig/bytes.h"

namespace scene {

// Is some pixel of this PNG wholly transparent? No value: broken, or of a form that no design file has
// (pixels of other than 8 bits a channel, interlaced, with a palette).
std::optional<bool> HasHoles(fig::Bytes png);

}  // namespace scene
