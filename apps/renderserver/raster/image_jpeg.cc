#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>
#include <jerror.h>

#include <algorithm>
#include <csetjmp>

#include "raster/codecs.h"

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

// A progressive file may come with any number of scans over all of its pixels.
constexpr int kMostScans = 100;

void WatchScans(j_common_ptr info) {
  auto* reading = reinterpret_cast<jpeg_decompress_struct*>(info);
  if (reading->input_scan_number <= kMostScans) return;
  auto* errors = reinterpret_cast<Errors*>(info->err);
  std::snprintf(errors->message, sizeof(errors->message), "more than %d scans", kMostScans);
  longjmp(errors->back, 1);
}

bool Starved(const Errors& errors) { return errors.manager.msg_code == JERR_OUT_OF_MEMORY; }

fig::Fault Broken(const std::string& key, const Errors& errors) {
  return Starved(errors) ? ImageMemory(key) : ImageFault(key, std::string("JPEG: ") + errors.message);
}

struct Reader {
  Reader() {
    info.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = Fail;
    errors.manager.emit_message = Ignore;
    progress.progress_monitor = WatchScans;
  }
  ~Reader() { jpeg_destroy_decompress(&info); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Errors errors;
  jpeg_progress_mgr progress{};
  jpeg_decompress_struct info{};
};

bool ReadHead(Reader& reader, fig::Bytes bytes) {
  if (setjmp(reader.errors.back) != 0) return false;
  jpeg_create_decompress(&reader.info);
  reader.info.progress = &reader.progress;
  jpeg_mem_src(&reader.info, bytes.data, bytes.size);
  jpeg_read_header(&reader.info, TRUE);
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

// `row` holds what the library writes: B, G, R and anything, which is what a native ARGB word has; or CMYK.
void Pack(std::uint32_t* row, const jpeg_decompress_struct& info) {
  for (std::uint32_t x = 0; x < info.output_width; ++x) {
    row[x] = info.out_color_space == JCS_CMYK ? FromCmyk(reinterpret_cast<const JSAMPLE*>(&row[x]), info.saw_Adobe_marker != 0) : row[x] | 0xff000000;
  }
}

// Ends where the image does.
void ReadRows(Reader& reader, std::uint32_t* row, Reducer& reducer) {
  if (setjmp(reader.errors.back) != 0) return;
  while (reader.info.output_scanline < reader.info.output_height) {
    auto* samples = reinterpret_cast<JSAMPROW>(row);
    jpeg_read_scanlines(&reader.info, &samples, 1);
    Pack(row, reader.info);
    reducer.Add(row);
  }
}

}  // namespace

fig::Outcome<ImageSize> MeasureJpeg(fig::Bytes bytes, const std::string& key) {
  Reader reader;
  if (!ReadHead(reader, bytes)) return Broken(key, reader.errors);
  return ImageSize{reader.info.image_width, reader.info.image_height};
}

// The transform gives halves, quarters and eighths away for nothing.
fig::Outcome<Image> DecodeJpeg(fig::Bytes bytes, const std::string& key, ImageSize size, unsigned halvings) {
  Reader reader;
  if (!ReadHead(reader, bytes)) return Broken(key, reader.errors);
  const bool cmyk = reader.info.jpeg_color_space == JCS_CMYK || reader.info.jpeg_color_space == JCS_YCCK;
  reader.info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGRX;
  const unsigned given = std::min(halvings, 3U);
  reader.info.scale_num = 8U >> given;
  reader.info.scale_denom = 8;
  reader.info.dct_method = JDCT_ISLOW;
  // Coefficients of a progressive file are kept for all of its pixels; this also overrides the
  // environment's JPEGMEM.
  constexpr long kCoefficients = 8, kRest = 32 << 20;
  reader.info.mem->max_memory_to_use = static_cast<long>(size.pixels()) * kCoefficients + kRest;
  if (!Start(reader)) return Broken(key, reader.errors);
  const std::uint32_t part = 1U << given;
  const ImageSize decoded{(size.width + part - 1) / part, (size.height + part - 1) / part};
  if (reader.info.output_width != decoded.width || reader.info.output_height != decoded.height) return ImageFault(key, "JPEG: its size is another");
  Reducer reducer(decoded, halvings - given);
  std::vector<std::uint32_t> row(decoded.width);
  ReadRows(reader, row.data(), reducer);
  if (reducer.rows() == 0 || Starved(reader.errors)) return Broken(key, reader.errors);
  return reducer.Take();
}

}  // namespace raster
