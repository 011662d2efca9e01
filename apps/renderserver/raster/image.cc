#include "raster/image.h"

#include <algorithm>
#include <cstring>

#include "raster/codecs.h"

namespace raster {
namespace {

bool StartsWith(fig::Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size >= at + text.size() && std::memcmp(bytes.data + at, text.data(), text.size()) == 0;
}

std::uint32_t Reduced(std::uint32_t side, unsigned halvings) { return static_cast<std::uint32_t>((std::uint64_t{side} + (1U << halvings) - 1) >> halvings); }

fig::Outcome<ImageSize> Measure(fig::Bytes bytes, const std::string& key) {
  switch (KindOf(bytes)) {
    case ImageKind::kPng: return MeasurePng(bytes, key);
    case ImageKind::kJpeg: return MeasureJpeg(bytes, key);
    case ImageKind::kGif: return MeasureGif(bytes, key);
    case ImageKind::kWebp: return MeasureWebp(bytes, key);
    case ImageKind::kUnknown: break;
  }
  return ImageFault(key, bytes.empty() ? "it is not in the file" : "neither PNG, JPEG, GIF nor WebP");
}

Image Reduce(Image image, ImageSize size, unsigned halvings) {
  if (halvings == 0) return image;
  Reducer reducer(size, halvings);
  for (std::size_t y = 0; y < size.height; ++y) reducer.Add(image.pixels.data() + y * size.width);
  return reducer.Take();
}

}  // namespace

fig::Fault ImageFault(const std::string& key, std::string detail) {
  return {fig::FaultClass::kImage, std::move(detail), fig::Fault::kNowhere, "image " + key};
}

fig::Fault ImageMemory(const std::string& key) { return fig::NoMemory("image " + key); }

ImageKind KindOf(fig::Bytes bytes) {
  if (StartsWith(bytes, 0, "\x89PNG\r\n\x1a\n")) return ImageKind::kPng;
  if (StartsWith(bytes, 0, "\xff\xd8\xff")) return ImageKind::kJpeg;
  if (StartsWith(bytes, 0, "GIF87a") || StartsWith(bytes, 0, "GIF89a")) return ImageKind::kGif;
  if (StartsWith(bytes, 0, "RIFF") && StartsWith(bytes, 8, "WEBP")) return ImageKind::kWebp;
  return ImageKind::kUnknown;
}

fig::Outcome<ImageSize> MeasureImage(fig::Bytes bytes, const std::string& key, const fig::Budget& budget) {
  const ImageSize size = FIG_TRY(Measure(bytes, key));
  if (size.width == 0 || size.height == 0) return ImageFault(key, "it has no pixels");
  if (size.pixels() > budget.image_pixels) {
    return fig::Fault{fig::FaultClass::kBudget, std::to_string(size.width) + " x " + std::to_string(size.height) + " pixels, and at most " +
                          std::to_string(budget.image_pixels) + " are decoded", fig::Fault::kNowhere, "image " + key};
  }
  return size;
}

fig::Outcome<Image> DecodeImage(fig::Bytes bytes, const std::string& key, unsigned halvings, const fig::Budget& budget) {
  const ImageSize size = FIG_TRY(MeasureImage(bytes, key, budget));
  halvings = std::min(halvings, kMostHalvings);
  switch (KindOf(bytes)) {
    case ImageKind::kPng: return DecodePng(bytes, key, size, halvings);
    case ImageKind::kJpeg: return DecodeJpeg(bytes, key, size, halvings);
    case ImageKind::kGif: return Reduce(FIG_TRY(DecodeGif(bytes, key, size)), size, halvings);
    default: return Reduce(FIG_TRY(DecodeWebp(bytes, key, size)), size, halvings);
  }
}

Reducer::Reducer(ImageSize size, unsigned halvings) : size_(size), halvings_(halvings) {
  image_.width = Reduced(size.width, halvings);
  image_.height = Reduced(size.height, halvings);
  image_.pixels.resize(std::size_t{image_.width} * image_.height);
  if (halvings > 0) sums_.resize(std::size_t{4} * image_.width);
}

void Reducer::Add(const std::uint32_t* row) {
  if (halvings_ == 0) {
    std::copy_n(row, size_.width, image_.pixels.data() + std::size_t{rows_++} * size_.width);
    return;
  }
  for (std::size_t x = 0; x < size_.width; ++x) {
    std::uint32_t* sums = &sums_[4 * (x >> halvings_)];
    for (unsigned channel = 0; channel < 4; ++channel) sums[channel] += row[x] >> 8 * channel & 0xff;
  }
  ++rows_;
  if (++gathered_ == 1U << halvings_ || rows_ == size_.height) Flush();
}

void Reducer::Flush() {
  std::uint32_t* row = image_.pixels.data() + std::size_t{(rows_ - 1) >> halvings_} * image_.width;
  for (std::uint32_t x = 0; x < image_.width; ++x) {
    const std::uint32_t across = std::min(1U << halvings_, size_.width - (x << halvings_)), all = across * gathered_;
    std::uint32_t pixel = 0;
    for (unsigned channel = 0; channel < 4; ++channel) pixel |= (sums_[4 * x + channel] + all / 2) / all << 8 * channel;
    row[x] = pixel;
  }
  std::fill(sums_.begin(), sums_.end(), 0);
  gathered_ = 0;
}

Image Reducer::Take() {
  if (gathered_ > 0) Flush();
  return std::move(image_);
}

}  // namespace raster
