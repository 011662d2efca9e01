#include "raster/blur.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace raster {
namespace {

constexpr int kPasses = 3;
constexpr double kLeast = 0.3;  // of a pixel: less cannot be seen

// Widths of three boxes whose variance is nearest to that of the Gaussian.
std::array<int, kPasses> BoxWidths(double deviation) {
  const double ideal = std::sqrt(12 * deviation * deviation / kPasses + 1);
  int lower = static_cast<int>(ideal);
  if (lower % 2 == 0) --lower;
  const double l = lower;
  const double many = (12 * deviation * deviation - kPasses * l * l - 4 * kPasses * l - 3 * kPasses) / (-4 * l - 4);
  std::array<int, kPasses> widths{};
  for (int i = 0; i < kPasses; ++i) widths[static_cast<std::size_t>(i)] = i < static_cast<int>(std::lround(many)) ? lower : lower + 2;
  return widths;
}

// One line of `count` values `step` apart: each becomes the mean of the `width` around it.
void BoxLine(const std::uint8_t* from, std::uint8_t* to, int count, int step, int width) {
  const int half = width / 2;
  // Rounded division by a reciprocal: exact for sums of up to 255 * width.
  const std::uint64_t reciprocal = ((std::uint64_t{1} << 32) + static_cast<std::uint64_t>(width) / 2) / static_cast<std::uint64_t>(width);
  std::uint64_t sum = 0;
  for (int i = 0; i < std::min(half, count); ++i) sum += from[i * step];
  for (int i = 0; i < count; ++i) {
    if (i + half < count) sum += from[(i + half) * step];
    if (i - half - 1 >= 0) sum -= from[(i - half - 1) * step];
    to[i * step] = static_cast<std::uint8_t>((sum * reciprocal + (std::uint64_t{1} << 31)) >> 32);
  }
}

// All columns at once, row after row: memory is read in its order.
class Columns {
 public:
  Columns(unsigned char* bytes, int stride, int width, int height)
      : bytes_(bytes), stride_(stride), width_(width), height_(height),
        copy_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height)), sums_(static_cast<std::size_t>(width)) {}

  void Pass(int box) {
    const int half = box / 2;
    const std::uint64_t reciprocal = ((std::uint64_t{1} << 32) + static_cast<std::uint64_t>(box) / 2) / static_cast<std::uint64_t>(box);
    for (int y = 0; y < height_; ++y) std::copy_n(Row(y), width_, Copy(y));
    std::fill(sums_.begin(), sums_.end(), 0);
    for (int y = 0; y < std::min(half, height_); ++y) Add(Copy(y));
    for (int y = 0; y < height_; ++y) {
      if (y + half < height_) Add(Copy(y + half));
      if (y - half - 1 >= 0) Subtract(Copy(y - half - 1));
      unsigned char* row = Row(y);
      for (int x = 0; x < width_; ++x) {
        row[x] = static_cast<unsigned char>((sums_[static_cast<std::size_t>(x)] * reciprocal + (std::uint64_t{1} << 31)) >> 32);
      }
    }
  }

 private:
  unsigned char* Row(int y) { return bytes_ + static_cast<std::ptrdiff_t>(y) * stride_; }
  unsigned char* Copy(int y) { return copy_.data() + static_cast<std::ptrdiff_t>(y) * width_; }
  void Add(const unsigned char* row) {
    for (int x = 0; x < width_; ++x) sums_[static_cast<std::size_t>(x)] += row[x];
  }
  void Subtract(const unsigned char* row) {
    for (int x = 0; x < width_; ++x) sums_[static_cast<std::size_t>(x)] -= row[x];
  }
  unsigned char* bytes_;
  int stride_, width_, height_;
  std::vector<unsigned char> copy_;
  std::vector<std::uint32_t> sums_;
};

}  // namespace

int BlurReach(double deviation) { return deviation < kLeast ? 0 : static_cast<int>(std::ceil(3 * deviation)) + 1; }

void Blur(Surface& surface, double deviation) {
  if (deviation < kLeast || surface.box().empty()) return;
  const int channels = cairo_image_surface_get_format(surface.get()) == CAIRO_FORMAT_A8 ? 1 : 4;
  const int width = surface.box().width, height = surface.box().height, stride = surface.stride();
  unsigned char* bytes = surface.bytes();
  const auto widths = BoxWidths(deviation);
  std::vector<std::uint8_t> line(static_cast<std::size_t>(width) * static_cast<std::size_t>(channels));
  for (int y = 0; y < height; ++y) {
    unsigned char* row = bytes + static_cast<std::ptrdiff_t>(y) * stride;
    for (const int box : widths) {
      std::copy_n(row, line.size(), line.begin());
      for (int channel = 0; channel < channels; ++channel) BoxLine(line.data() + channel, row + channel, width, channels, box);
    }
  }
  Columns columns(bytes, stride, width * channels, height);
  for (const int box : widths) columns.Pass(box);
  surface.Changed();
}

}  // namespace raster
