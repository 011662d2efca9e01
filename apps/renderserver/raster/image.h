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

// Fails with kImage (it is none, or broken) and kBudget (too many pixels, asked before any is decoded).
// `enough`: a side of about that many pixels will do; 0: all there are. Only JPEG makes use of it.
fig::Outcome<Image> DecodeImage(fig::Bytes bytes, const std::string& key, std::uint32_t enough, const fig::Budget& budget);

// One per kind; same contract.
fig::Outcome<Image> DecodePng(fig::Bytes bytes, const std::string& key, const fig::Budget& budget);
fig::Outcome<Image> DecodeJpeg(fig::Bytes bytes, const std::string& key, std::uint32_t enough, const fig::Budget& budget);
fig::Outcome<Image> DecodeGif(fig::Bytes bytes, const std::string& key, const fig::Budget& budget);
fig::Outcome<Image> DecodeWebp(fig::Bytes bytes, const std::string& key, const fig::Budget& budget);

// Shared by them.
fig::Fault ImageFault(const std::string& key, std::string detail);
fig::Outcome<fig::Nothing> CheckSize(std::uint64_t width, std::uint64_t height, const std::string& key, const fig::Budget& budget);
inline std::uint32_t Premultiplied(std::uint32_t r, std::uint32_t g, std::uint32_t b, std::uint32_t a) {
  const auto times = [a](std::uint32_t part) {
    const std::uint32_t product = part * a + 128;
    return (product + (product >> 8)) >> 8;
  };
  return a << 24 | times(r) << 16 | times(g) << 8 | times(b);
}

}  // namespace raster
