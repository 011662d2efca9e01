#include <png.h>

#include <csetjmp>

#include "raster/png_memory.h"
#include "raster/raster.h"

namespace raster {
namespace {

struct Sink {
  std::vector<std::uint8_t>* bytes;
  jmp_buf back;
};

void Write(png_structp png, png_bytep bytes, std::size_t size) {
  auto& to = *static_cast<Sink*>(png_get_io_ptr(png))->bytes;
  to.insert(to.end(), bytes, bytes + size);
}
void Flush(png_structp) {}
[[noreturn]] void Fail(png_structp png, png_const_charp) { longjmp(static_cast<Sink*>(png_get_error_ptr(png))->back, 1); }
void Ignore(png_structp, png_const_charp) {}

struct Writer {
  explicit Writer(std::vector<std::uint8_t>& bytes) : sink{&bytes, {}} {
    png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &sink, Fail, Ignore, &memory, PngMemory::Take, PngMemory::GiveBack);
    info = png == nullptr ? nullptr : png_create_info_struct(png);
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Sink sink;
  PngMemory memory;
  png_structp png = nullptr;
  png_infop info = nullptr;
};

// Straight alpha, in the order of bytes that PNG has.
void Unpack(const std::uint32_t* from, std::uint32_t count, std::uint8_t* to) {
  for (std::uint32_t i = 0; i < count; ++i, to += 4) {
    const std::uint32_t pixel = from[i], alpha = pixel >> 24;
    const auto part = [&](unsigned shift) {
      const std::uint32_t value = pixel >> shift & 0xff;
      return static_cast<std::uint8_t>(alpha == 255 ? value : alpha == 0 ? 0 : std::min(255U, (value * 255 + alpha / 2) / alpha));
    };
    to[0] = part(16);
    to[1] = part(8);
    to[2] = part(0);
    to[3] = static_cast<std::uint8_t>(alpha);
  }
}

bool WriteAll(Writer& writer, const Picture& picture, std::vector<std::uint8_t>& row) {
  if (setjmp(writer.sink.back) != 0) return false;
  png_set_write_fn(writer.png, &writer.sink, Write, Flush);
  png_set_compression_level(writer.png, 5);
  png_set_IHDR(writer.png, writer.info, picture.width, picture.height, 8, PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer.png, writer.info);
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    Unpack(picture.pixels.data() + std::size_t{y} * picture.width, picture.width, row.data());
    png_write_row(writer.png, row.data());
  }
  png_write_end(writer.png, nullptr);
  return true;
}

}  // namespace

fig::Outcome<std::vector<std::uint8_t>> EncodePng(const Picture& picture) {
  if (picture.width == 0 || picture.pixels.size() != std::size_t{picture.width} * picture.height) {
    return fig::Fault{fig::FaultClass::kOutput, "a picture without pixels", fig::Fault::kNowhere, ""};
  }
  std::vector<std::uint8_t> bytes, row(std::size_t{4} * picture.width);
  Writer writer(bytes);
  const bool whole = writer.info != nullptr && WriteAll(writer, picture, row);
  if (writer.info == nullptr || writer.memory.missing()) return fig::NoMemory("PNG");
  if (!whole) {
    return fig::Fault{fig::FaultClass::kOutput, "the picture could not be written as PNG", fig::Fault::kNowhere, ""};
  }
  return bytes;
}

}  // namespace raster
