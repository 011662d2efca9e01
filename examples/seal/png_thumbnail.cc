// png_thumbnail IN.png OUT.png: at most 64 pixels wide and high. libpng reads the customer's file
// behind the seal; libpng's own files were opened before.
#include <fcntl.h>
#include <moat/seal.h>
#include <png.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "compromise.h"

namespace {

constexpr png_uint_32 kSide = 64;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "png_thumbnail: %s\n", what);
  std::exit(1);
}

struct Picture {
  png_uint_32 width = 0, height = 0;
  std::vector<png_byte> pixels;  // RGBA
};

void LookAtTexts(png_structp png, png_infop info) {
  png_textp texts = nullptr;
  int count = 0;
  png_get_text(png, info, &texts, &count);
  for (int i = 0; i < count; ++i) compromised_by(texts[i].text, texts[i].text_length);
}

Picture Read(std::FILE* file) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) Fail("this is no PNG");
  png_set_user_limits(png, 20000, 20000);
  png_init_io(png, file);
  png_read_info(png, info);
  LookAtTexts(png, info);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
  png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  Picture picture;
  picture.width = png_get_image_width(png, info);
  picture.height = png_get_image_height(png, info);
  const std::size_t row = png_get_rowbytes(png, info);
  picture.pixels.resize(row * picture.height);
  std::vector<png_bytep> rows(picture.height);
  for (png_uint_32 y = 0; y < picture.height; ++y) rows[y] = &picture.pixels[y * row];
  png_read_image(png, rows.data());
  png_destroy_read_struct(&png, &info, nullptr);
  return picture;
}

// Each pixel is the mean of those it stands for.
Picture Shrink(const Picture& from) {
  const png_uint_32 longest = std::max(from.width, from.height);
  Picture to;
  to.width = std::max<png_uint_32>(1, longest <= kSide ? from.width : from.width * kSide / longest);
  to.height = std::max<png_uint_32>(1, longest <= kSide ? from.height : from.height * kSide / longest);
  to.pixels.resize(std::size_t{to.width} * to.height * 4);
  for (png_uint_32 y = 0; y < to.height; ++y) {
    for (png_uint_32 x = 0; x < to.width; ++x) {
      const png_uint_32 x0 = x * from.width / to.width, x1 = std::max(x0 + 1, (x + 1) * from.width / to.width);
      const png_uint_32 y0 = y * from.height / to.height, y1 = std::max(y0 + 1, (y + 1) * from.height / to.height);
      for (std::size_t c = 0; c < 4; ++c) {
        std::size_t sum = 0;
        for (png_uint_32 v = y0; v < y1; ++v) {
          for (png_uint_32 u = x0; u < x1; ++u) sum += from.pixels[(std::size_t{v} * from.width + u) * 4 + c];
        }
        to.pixels[(std::size_t{y} * to.width + x) * 4 + c] = static_cast<png_byte>(sum / (std::size_t{x1 - x0} * (y1 - y0)));
      }
    }
  }
  return to;
}

void Write(std::FILE* file, const Picture& picture) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) Fail("cannot write");
  png_init_io(png, file);
  png_set_IHDR(png, info, picture.width, picture.height, 8, PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (png_uint_32 y = 0; y < picture.height; ++y) {
    png_write_row(png, const_cast<png_bytep>(&picture.pixels[std::size_t{y} * picture.width * 4]));
  }
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
}

moat::Status Lock(int in, int out) {
  moat::Seal seal;
  seal.Read(in).Seek(in).Write(out).Write(2).Memory().Strays(moat::SealStrays::kClose);
  MOAT_TRY(seal.Apply());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bool bare = without_seal(&argc, &argv) != 0;
  if (argc != 3) Fail("usage: png_thumbnail IN.png OUT.png");
  std::FILE* in = std::fopen(argv[1], "re");
  std::FILE* out = std::fopen(argv[2], "we");
  if (in == nullptr || out == nullptr) Fail("cannot open the files");
  if (!bare) {
    if (const auto locked = Lock(fileno(in), fileno(out)); !locked.ok()) Fail(locked.error().ToString().c_str());
  }
  Write(out, Shrink(Read(in)));
  return std::fclose(out) == 0 ? 0 : 1;
}
