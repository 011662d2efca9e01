#include <png.h>

#include <csetjmp>
#include <cstring>

#include "raster/codecs.h"
#include "raster/png_memory.h"

namespace raster {
namespace {

// What libpng's callbacks see. Its errors come back by longjmp: nothing with a destructor may live in the
// functions between setjmp and the calls.
struct Source {
  fig::Bytes bytes;
  std::size_t at = 0;
  jmp_buf back;
  char message[128] = {};
};

void Read(png_structp png, png_bytep to, std::size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (size > source->bytes.size - source->at) png_error(png, "it ends early");
  std::memcpy(to, source->bytes.data + source->at, size);
  source->at += size;
}

[[noreturn]] void Fail(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message, message, sizeof(source->message) - 1);
  longjmp(source->back, 1);
}
void Ignore(png_structp, png_const_charp) {}

struct Reader {
  Reader() {
    png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &source, Fail, Ignore, &memory, PngMemory::Take, PngMemory::GiveBack);
    info = png == nullptr ? nullptr : png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Source source;
  PngMemory memory;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

bool ReadHead(Reader& reader) {
  if (setjmp(reader.source.back) != 0) return false;
  png_set_read_fn(reader.png, &reader.source, Read);
  // Whatever is compressed in a text or a profile is not ours to inflate.
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
  png_set_chunk_malloc_max(reader.png, 1 << 20);
  png_read_info(reader.png, reader.info);
  return true;
}

// From R, G, B, A in memory to premultiplied words, in place.
void Pack(std::uint32_t* row, std::uint32_t count) {
  for (std::uint32_t x = 0; x < count; ++x) {
    unsigned char part[4];
    std::memcpy(part, &row[x], 4);
    row[x] = Premultiplied(part[0], part[1], part[2], part[3]);
  }
}

bool Prepare(Reader& reader) {
  if (setjmp(reader.source.back) != 0) return false;
  png_set_expand(reader.png);
  png_set_scale_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_add_alpha(reader.png, 0xff, PNG_FILLER_AFTER);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

// False: it ended early, with what was read so far in `reducer`.
bool ReadRows(Reader& reader, std::uint32_t* row, ImageSize size, Reducer& reducer) {
  if (setjmp(reader.source.back) != 0) return false;
  for (std::uint32_t y = 0; y < size.height; ++y) {
    png_read_row(reader.png, reinterpret_cast<unsigned char*>(row), nullptr);
    Pack(row, size.width);
    reducer.Add(row);
  }
  return true;
}

// Interlaced: the last row is not known before all sweeps are done.
void ReadWhole(Reader& reader, unsigned char** rows) {
  if (setjmp(reader.source.back) == 0) png_read_image(reader.png, rows);
}

Image ReadInterlaced(Reader& reader, ImageSize size, unsigned halvings) {
  std::vector<std::uint32_t> pixels(size.pixels());
  std::vector<unsigned char*> rows(size.height);
  for (std::size_t y = 0; y < size.height; ++y) rows[y] = reinterpret_cast<unsigned char*>(pixels.data() + y * size.width);
  ReadWhole(reader, rows.data());
  Reducer reducer(size, halvings);
  for (std::size_t y = 0; y < size.height; ++y) {
    Pack(pixels.data() + y * size.width, size.width);
    reducer.Add(pixels.data() + y * size.width);
  }
  return reducer.Take();
}

std::uint32_t Word(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

}  // namespace

fig::Outcome<ImageSize> MeasurePng(fig::Bytes bytes, const std::string& key) {
  if (bytes.size < 24 || std::memcmp(bytes.data + 12, "IHDR", 4) != 0) return ImageFault(key, "PNG: it has no head");
  return ImageSize{Word(bytes.data + 16), Word(bytes.data + 20)};
}

fig::Outcome<Image> DecodePng(fig::Bytes bytes, const std::string& key, ImageSize size, unsigned halvings) {
  Reader reader;
  if (reader.info == nullptr) return ImageMemory(key);
  reader.source.bytes = bytes;
  const auto broken = [&] { return reader.memory.missing() ? ImageMemory(key) : ImageFault(key, std::string("PNG: ") + reader.source.message); };
  if (!ReadHead(reader)) return broken();
  const bool same = png_get_image_width(reader.png, reader.info) == size.width && png_get_image_height(reader.png, reader.info) == size.height;
  if (!same) return ImageFault(key, "PNG: two heads");
  if (!Prepare(reader)) return broken();
  if (png_get_rowbytes(reader.png, reader.info) != std::size_t{4} * size.width) return ImageFault(key, "PNG: rows of another length");
  if (png_get_interlace_type(reader.png, reader.info) != PNG_INTERLACE_NONE) {
    Image image = ReadInterlaced(reader, size, halvings);
    if (reader.memory.missing()) return broken();
    return image;
  }
  Reducer reducer(size, halvings);
  std::vector<std::uint32_t> row(size.width);
  if (!ReadRows(reader, row.data(), size, reducer) && (reducer.rows() == 0 || reader.memory.missing())) return broken();
  return reducer.Take();
}

}  // namespace raster
