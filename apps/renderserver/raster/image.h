// Encoded images -> pixels: PNG, JPEG, GIF (its first picture) and WebP, from memory, within a budget.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fig/budget.h"
#include "fig/document.h"

namespace raster {

struct Image {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint32_t> pixels;  // premultiplied ARGB, native endian
};

enum class ImageKind : std::uint8_t { kUnknown, kPng, kJpeg, kGif, kWebp };
ImageKind KindOf(fig::Bytes bytes);

struct ImageSize {
  std::uint32_t width = 0, height = 0;
  std::uint64_t pixels() const { return std::uint64_t{width} * height; }
};
// From its head alone. Fails with kImage (it is none, or broken), kBudget (too many pixels), kMemory.
fig::Outcome<ImageSize> MeasureImage(fig::Bytes bytes, const std::string& key, const fig::Budget& budget);

// Fails as above; kBudget before any pixel is decoded. `halvings`: each pixel of the result is the mean of
// 2^halvings x 2^halvings of the image, of what there is of them at the right and at the bottom. An image
// that ends early is shown as far as it goes.
constexpr unsigned kMostHalvings = 8;
fig::Outcome<Image> DecodeImage(fig::Bytes bytes, const std::string& key, unsigned halvings, const fig::Budget& budget);

inline std::uint32_t Premultiplied(std::uint32_t r, std::uint32_t g, std::uint32_t b, std::uint32_t a) {
  const auto times = [a](std::uint32_t part) {
    const std::uint32_t product = part * a + 128;
    return (product + (product >> 8)) >> 8;
  };
  return a << 24 | times(r) << 16 | times(g) << 8 | times(b);
}

}  // namespace raster
