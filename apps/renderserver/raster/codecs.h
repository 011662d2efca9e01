// One decoder per kind of image; what they share. See image.h for the contract.
#pragma once

#include "raster/image.h"

namespace raster {

fig::Outcome<ImageSize> MeasurePng(fig::Bytes bytes, const std::string& key);
fig::Outcome<ImageSize> MeasureJpeg(fig::Bytes bytes, const std::string& key);
fig::Outcome<ImageSize> MeasureGif(fig::Bytes bytes, const std::string& key);
fig::Outcome<ImageSize> MeasureWebp(fig::Bytes bytes, const std::string& key);

// The image's size is within the budget; it is measured again by those that decode it, and must be `size`.
fig::Outcome<Image> DecodePng(fig::Bytes bytes, const std::string& key, ImageSize size, unsigned halvings);
fig::Outcome<Image> DecodeJpeg(fig::Bytes bytes, const std::string& key, ImageSize size, unsigned halvings);
fig::Outcome<Image> DecodeGif(fig::Bytes bytes, const std::string& key, ImageSize size);
fig::Outcome<Image> DecodeWebp(fig::Bytes bytes, const std::string& key, ImageSize size);

fig::Fault ImageFault(const std::string& key, std::string detail);
// Not the image's fault: it must not be drawn as a broken one.
fig::Fault ImageMemory(const std::string& key);

// Takes an image row by row and keeps the means of its pixels.
class Reducer {
 public:
  Reducer(ImageSize size, unsigned halvings);
  void Add(const std::uint32_t* row);  // premultiplied; no more often than the image has rows
  std::uint32_t rows() const { return rows_; }
  Image Take();                        // rows that have not come are transparent

 private:
  void Flush();

  ImageSize size_;
  unsigned halvings_;
  Image image_;
  std::vector<std::uint32_t> sums_;  // four channels of each pixel of the row that is being made
  std::uint32_t rows_ = 0, gathered_ = 0;
};

}  // namespace raster
