#include <png.h>

#include <csetjmp>
#include <cstring>

#include "raster/image.h"

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
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, Fail, Ignore);
    info = png == nullptr ? nullptr : png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Source source;
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

bool ReadPixels(Reader& reader, unsigned char** rows) {
  if (setjmp(reader.source.back) != 0) return false;
  png_set_expand(reader.png);
  png_set_strip_16(reader.png);
  png_set_gray_to_rgb(reader.png);
  png_set_add_alpha(reader.png, 0xff, PNG_FILLER_AFTER);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  png_read_image(reader.png, rows);
  return true;
}

}  // namespace

fig::Outcome<Image> DecodePng(fig::Bytes bytes, const std::string& key, const fig::Budget& budget) {
  Reader reader;
  if (reader.info == nullptr) return ImageFault(key, "no memory for it");
  reader.source.bytes = bytes;
  if (!ReadHead(reader)) return ImageFault(key, std::string("PNG: ") + reader.source.message);
  Image image;
  image.width = png_get_image_width(reader.png, reader.info);
  image.height = png_get_image_height(reader.png, reader.info);
  FIG_TRY(CheckSize(image.width, image.height, key, budget));
  image.pixels.resize(std::size_t{image.width} * image.height);
  std::vector<unsigned char*> rows(image.height);
  for (std::size_t y = 0; y < image.height; ++y) rows[y] = reinterpret_cast<unsigned char*>(image.pixels.data() + y * image.width);
  // A picture that ends early is shown as far as it goes.
  const bool whole = ReadPixels(reader, rows.data());
  if (!whole && reader.source.at < bytes.size / 2 && bytes.size > 1024) return ImageFault(key, std::string("PNG: ") + reader.source.message);
  for (std::uint32_t& pixel : image.pixels) {
    unsigned char part[4];
    std::memcpy(part, &pixel, 4);
    pixel = Premultiplied(part[0], part[1], part[2], part[3]);
  }
  return image;
}

}  // namespace raster
