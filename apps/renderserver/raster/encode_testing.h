// Encoders, for tests of the decoders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "raster/image.h"

namespace raster {

enum class Progression : std::uint8_t { kBaseline, kProgressive };

// The pixels are opaque, but for WebP.
std::string JpegOf(const Image& image, Progression progression);
std::string WebpOf(const Image& image);  // lossless
struct GifOptions {
  int interlaced = 0;
  int transparent = -1;  // number of the colour that is none
};
// Up to 256 colours.
std::string GifOf(const Image& image, const GifOptions& options);

}  // namespace raster
