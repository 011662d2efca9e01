// How alike two pictures are: what tests hold renderings against their oracles with.
//
// Both are laid on white first. Threads: any. Values: ssim 1 is the same picture.
#pragma once

#include <cstdint>
#include <vector>

#include "fig/bytes.h"
#include "fig/fault.h"

namespace compare {

struct Image {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // 3 bytes a pixel, on white
};

// Fails with kImage. `where` is for the fault.
fig::Outcome<Image> ReadPng(fig::Bytes png, const std::string& where);

struct Score {
  double ssim = 0;            // mean structural similarity of the luma, Gaussian windows of sigma 1.5
  double mean_difference = 0; // of all channels, 0..255
  double far = 0;             // fraction of pixels with a channel that is off by more than 64
};

// Pictures that differ by some pixels in size are compared where both have pixels.
Score Compare(const Image& a, const Image& b);

// Each pixel the mean of two by two; an odd last row or column is left out. What is half a pixel beside is
// then a quarter beside, and what is wrong is as wrong as before.
Image Halved(const Image& image);

// Where they differ: white is alike.
Image Difference(const Image& a, const Image& b);
fig::Outcome<std::vector<std::uint8_t>> WritePng(const Image& image);

}  // namespace compare
