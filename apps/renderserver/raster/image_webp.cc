#include <webp/decode.h>

#include "raster/codecs.h"

namespace raster {

fig::Outcome<ImageSize> MeasureWebp(fig::Bytes bytes, const std::string& key) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes.data, bytes.size, &features) != VP8_STATUS_OK) return ImageFault(key, "WebP: its head is broken");
  if (features.has_animation != 0) return ImageFault(key, "WebP: an animation");
  return ImageSize{static_cast<std::uint32_t>(features.width), static_cast<std::uint32_t>(features.height)};
}

fig::Outcome<Image> DecodeWebp(fig::Bytes bytes, const std::string& key, ImageSize size) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return ImageFault(key, "WebP: the library is another version");
  Image image;
  image.width = size.width;
  image.height = size.height;
  image.pixels.resize(size.pixels());
  config.options.use_threads = 0;
  config.output.colorspace = MODE_bgrA;  // premultiplied; little endian ARGB
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = reinterpret_cast<std::uint8_t*>(image.pixels.data());
  config.output.u.RGBA.stride = static_cast<int>(4 * size.width);
  config.output.u.RGBA.size = 4 * image.pixels.size();
  const VP8StatusCode status = WebPDecode(bytes.data, bytes.size, &config);
  WebPFreeDecBuffer(&config.output);
  if (status == VP8_STATUS_OUT_OF_MEMORY) return ImageMemory(key);
  if (status != VP8_STATUS_OK) return ImageFault(key, "WebP: broken (" + std::to_string(static_cast<int>(status)) + ")");
  return image;
}

}  // namespace raster
