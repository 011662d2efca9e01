#include "raster/encode_testing.h"

#include <cstdio>

#include <gif_lib.h>
#include <jpeglib.h>
#include <webp/encode.h>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace raster {
namespace {

unsigned char Part(std::uint32_t pixel, unsigned shift) { return static_cast<unsigned char>(pixel >> shift & 0xff); }

int Append(GifFileType* gif, const GifByteType* bytes, int size) {
  static_cast<std::string*>(gif->UserData)->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  return size;
}

}  // namespace

std::string JpegOf(const Image& image, Progression progression) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = image.width;
  info.image_height = image.height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  info.optimize_coding = TRUE;
  for (int i = 0; i < 3; ++i) info.comp_info[i].h_samp_factor = info.comp_info[i].v_samp_factor = 1;
  if (progression == Progression::kProgressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  std::vector<unsigned char> row(std::size_t{3} * image.width);
  while (info.next_scanline < info.image_height) {
    for (std::size_t x = 0; x < image.width; ++x) {
      const std::uint32_t pixel = image.pixels[info.next_scanline * image.width + x];
      for (unsigned c = 0; c < 3; ++c) row[3 * x + c] = Part(pixel, 16 - 8 * c);
    }
    unsigned char* rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const std::string all(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return all;
}

std::string WebpOf(const Image& image) {
  std::vector<unsigned char> rgba;
  for (const std::uint32_t pixel : image.pixels) {
    for (const unsigned shift : {16U, 8U, 0U, 24U}) rgba.push_back(Part(pixel, shift));
  }
  unsigned char* bytes = nullptr;
  const std::size_t size = WebPEncodeLosslessRGBA(rgba.data(), static_cast<int>(image.width), static_cast<int>(image.height), static_cast<int>(4 * image.width), &bytes);
  std::string all(reinterpret_cast<const char*>(bytes), size);
  WebPFree(bytes);
  return all;
}

std::string GifOf(const Image& image, const GifOptions& options) {
  std::map<std::uint32_t, int> numbers;
  std::vector<GifColorType> colours(256);
  for (const std::uint32_t pixel : image.pixels) {
    const auto [at, fresh] = numbers.emplace(pixel, static_cast<int>(numbers.size()));
    if (fresh) colours[static_cast<std::size_t>(at->second)] = {Part(pixel, 16), Part(pixel, 8), Part(pixel, 0)};
  }
  std::string all;
  int error = 0;
  GifFileType* gif = EGifOpen(&all, Append, &error);
  EGifSetGifVersion(gif, true);
  ColorMapObject* map = GifMakeMapObject(1 << GifBitSize(static_cast<int>(numbers.size())), colours.data());
  const int width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  EGifPutScreenDesc(gif, width, height, 8, 0, map);
  if (options.transparent >= 0) {
    const GraphicsControlBlock block{DISPOSAL_UNSPECIFIED, false, 0, options.transparent};
    GifByteType extension[4];
    EGifGCBToExtension(&block, extension);
    EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof(extension), extension);
  }
  EGifPutImageDesc(gif, 0, 0, width, height, options.interlaced != 0, nullptr);
  const std::pair<int, int> sweeps[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
  std::vector<int> order;
  for (int y = 0; y < height && options.interlaced == 0; ++y) order.push_back(y);
  for (const auto& [first, step] : sweeps) {
    for (int y = first; y < height && options.interlaced != 0; y += step) order.push_back(y);
  }
  std::vector<GifPixelType> row(image.width);
  for (const int y : order) {
    for (std::size_t x = 0; x < row.size(); ++x) row[x] = static_cast<GifPixelType>(numbers[image.pixels[static_cast<std::size_t>(y) * image.width + x]]);
    EGifPutLine(gif, row.data(), width);
  }
  EGifCloseFile(gif, &error);
  GifFreeMapObject(map);
  return all;
}

}  // namespace raster
