#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include <csetjmp>

#include "raster/image.h"

namespace raster {
namespace {

struct Errors {
  jpeg_error_mgr manager;
  jmp_buf back;
  char message[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void Fail(j_common_ptr info) {
  auto* errors = reinterpret_cast<Errors*>(info->err);
  errors->manager.format_message(info, errors->message);
  longjmp(errors->back, 1);
}
void Ignore(j_common_ptr, int) {}

struct Reader {
  Reader() {
    info.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = Fail;
    errors.manager.emit_message = Ignore;
    jpeg_create_decompress(&info);
  }
  ~Reader() { jpeg_destroy_decompress(&info); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Errors errors;
  jpeg_decompress_struct info{};
};

bool ReadHead(Reader& reader, fig::Bytes bytes) {
  if (setjmp(reader.errors.back) != 0) return false;
  jpeg_mem_src(&reader.info, bytes.data, bytes.size);
  jpeg_read_header(&reader.info, TRUE);
  return true;
}

// A progressive file may come with any number of scans over all of its pixels.
constexpr int kMostScans = 100;

void WatchScans(j_common_ptr info) {
  auto* reading = reinterpret_cast<jpeg_decompress_struct*>(info);
  if (reading->input_scan_number > kMostScans) {
    auto* errors = reinterpret_cast<Errors*>(info->err);
    std::snprintf(errors->message, sizeof(errors->message), "more than %d scans", kMostScans);
    longjmp(errors->back, 1);
  }
}

// Rows go straight to where they belong, in the order of bytes that a native ARGB word has.
bool ReadPixels(Reader& reader, Image& image) {
  jpeg_progress_mgr progress{};
  progress.progress_monitor = WatchScans;
  reader.info.progress = &progress;
  if (setjmp(reader.errors.back) != 0) return false;
  while (reader.info.output_scanline < reader.info.output_height) {
    auto* row = reinterpret_cast<JSAMPROW>(image.pixels.data() + std::size_t{reader.info.output_scanline} * image.width);
    jpeg_read_scanlines(&reader.info, &row, 1);
  }
  return true;
}

bool Start(Reader& reader) {
  if (setjmp(reader.errors.back) != 0) return false;
  jpeg_start_decompress(&reader.info);
  return true;
}

// CMYK, as Adobe writes it: inverted.
std::uint32_t FromCmyk(const JSAMPLE* part, bool inverted) {
  const auto value = [&](int i) { return inverted ? std::uint32_t{part[i]} : 255U - part[i]; };
  const std::uint32_t k = value(3);
  return Premultiplied(value(0) * k / 255, value(1) * k / 255, value(2) * k / 255, 255);
}

}  // namespace

fig::Outcome<Image> DecodeJpeg(fig::Bytes bytes, const std::string& key, std::uint32_t enough, const fig::Budget& budget) {
  Reader reader;
  if (!ReadHead(reader, bytes)) return ImageFault(key, std::string("JPEG: ") + reader.errors.message);
  FIG_TRY(CheckSize(reader.info.image_width, reader.info.image_height, key, budget));
  const bool cmyk = reader.info.jpeg_color_space == JCS_CMYK || reader.info.jpeg_color_space == JCS_YCCK;
  reader.info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGRA;  // little endian ARGB
  const std::uint32_t longest = std::max(reader.info.image_width, reader.info.image_height);
  unsigned parts = 8;  // of 8: what the transform gives away for nothing
  while (enough != 0 && parts > 1 && longest * (parts / 2) / 8 >= enough) parts /= 2;
  reader.info.scale_num = parts;
  reader.info.scale_denom = 8;
  reader.info.dct_method = JDCT_ISLOW;
  if (!Start(reader)) return ImageFault(key, std::string("JPEG: ") + reader.errors.message);
  Image image;
  image.width = reader.info.output_width;
  image.height = reader.info.output_height;
  image.pixels.resize(std::size_t{image.width} * image.height, 0xff808080);
  if (!ReadPixels(reader, image) && reader.info.output_scanline == 0) return ImageFault(key, std::string("JPEG: ") + reader.errors.message);
  for (std::uint32_t& pixel : image.pixels) {
    pixel = cmyk ? FromCmyk(reinterpret_cast<const JSAMPLE*>(&pixel), reader.info.saw_Adobe_marker != 0) : pixel | 0xff000000;
  }
  return image;
}

}  // namespace raster
