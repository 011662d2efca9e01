// What an encoded image is and how large, from its first bytes: nothing is decoded.
#pragma once

#include <cstdint>
#include <string>

#include "fig/document.h"

namespace svg {

struct ImageFile {
  enum class Kind : std::uint8_t { kUnknown, kPng, kJpeg, kGif, kWebp };
  Kind kind = Kind::kUnknown;
  std::uint32_t width = 0, height = 0;  // 0 when the file does not say, or is broken
};

ImageFile Sniff(fig::Bytes bytes);

// Whether the file goes on to its end mark. Decoders differ in what they show of one that does not.
bool IsWhole(fig::Bytes bytes, ImageFile::Kind kind);

// The file without what says how to turn the picture (EXIF) and other words of a camera: viewers would
// follow it, and the design does not. Other kinds come back as they are.
std::string WithoutExif(fig::Bytes bytes, ImageFile::Kind kind);

}  // namespace svg
