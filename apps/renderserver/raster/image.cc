#include "raster/image.h"

#include <cstring>

namespace raster {
namespace {

bool StartsWith(fig::Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size >= at + text.size() && std::memcmp(bytes.data + at, text.data(), text.size()) == 0;
}

}  // namespace

fig::Fault ImageFault(const std::string& key, std::string detail) {
  return {fig::FaultClass::kImage, std::move(detail), fig::Fault::kNowhere, "image " + key};
}

fig::Outcome<fig::Nothing> CheckSize(std::uint64_t width, std::uint64_t height, const std::string& key, const fig::Budget& budget) {
  if (width == 0 || height == 0) return ImageFault(key, "it has no pixels");
  if (width > budget.image_pixels || height > budget.image_pixels / width) {
    return fig::Fault{fig::FaultClass::kBudget, std::to_string(width) + " x " + std::to_string(height) + " pixels, and at most " +
                          std::to_string(budget.image_pixels) + " are decoded", fig::Fault::kNowhere, "image " + key};
  }
  return fig::Nothing{};
}

ImageKind KindOf(fig::Bytes bytes) {
  if (StartsWith(bytes, 0, "\x89PNG\r\n\x1a\n")) return ImageKind::kPng;
  if (StartsWith(bytes, 0, "\xff\xd8\xff")) return ImageKind::kJpeg;
  if (StartsWith(bytes, 0, "GIF87a") || StartsWith(bytes, 0, "GIF89a")) return ImageKind::kGif;
  if (StartsWith(bytes, 0, "RIFF") && StartsWith(bytes, 8, "WEBP")) return ImageKind::kWebp;
  return ImageKind::kUnknown;
}

fig::Outcome<Image> DecodeImage(fig::Bytes bytes, const std::string& key, std::uint32_t enough, const fig::Budget& budget) {
  switch (KindOf(bytes)) {
    case ImageKind::kPng: return DecodePng(bytes, key, budget);
    case ImageKind::kJpeg: return DecodeJpeg(bytes, key, enough, budget);
    case ImageKind::kGif: return DecodeGif(bytes, key, budget);
    case ImageKind::kWebp: return DecodeWebp(bytes, key, budget);
    case ImageKind::kUnknown: break;
  }
  return ImageFault(key, bytes.empty() ? "it is not in the file" : "neither PNG, JPEG, GIF nor WebP");
}

}  // namespace raster
