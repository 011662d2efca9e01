// Encoded images that are passed on as they are.
#pragma once

#include <string>

#include "fig/document.h"
#include "raster/image.h"

namespace svg {

// Whether the file goes on to its end mark. Decoders differ in what they show of one that does not.
bool IsWhole(fig::Bytes bytes, raster::ImageKind kind);

// The file without what says how to turn the picture (EXIF) and other words of a camera: viewers would
// follow it, and the design does not. Other kinds come back as they are.
std::string WithoutExif(fig::Bytes bytes, raster::ImageKind kind);

}  // namespace svg
