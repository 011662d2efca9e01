#include <webp/decode.h>

#include <cstring>

#include "raster/image.h"

namespace raster {

fig::Outcome<Image> DecodeWebp(fig::Bytes bytes, const std::string& key, const fig::Budget& budget) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return ImageFault(key, "WebP: the library is another version");
  if (WebPGetFeatures(bytes.data, bytes.size, &config.input) != VP8_STATUS_OK) return ImageFault(key, "WebP: its head is broken");
  FIG_TRY(CheckSize(static_cast<std::uint64_t>(config.input.width), static_cast<std::uint64_t>(config.input.height), key, budget));
  if (config.input.has_animation != 0) return ImageFault(key, "WebP: an animation");
  Image image;
  image.width = static_cast<std::uint32_t>(config.input.width);
  image.height = static_cast<std::uint32_t>(config.input.height);
  image.pixels.resize(std::size_t{image.width} * image.height);
  config.options.use_threads = 0;
  config.output.colorspace = MODE_bgrA;  // premultiplied; little endian ARGB
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = reinterpret_cast<std::uint8_t*>(image.pixels.data());
  config.output.u.RGBA.stride = static_cast<int>(4 * image.width);
  config.output.u.RGBA.size = 4 * image.pixels.size();
  const VP8StatusCode status = WebPDecode(bytes.data, bytes.size, &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return ImageFault(key, "WebP: broken (" + std::to_string(static_cast<int>(status)) + ")");
  return image;
}

}  // namespace raster
