#include "raster/lines.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace raster {
namespace {

// Half of a Gaussian, its middle first, in 1/65536; the whole of it sums up to 65536.
std::vector<std::uint32_t> WeightsFor(double deviation) {
  constexpr double kOne = 65536;
  std::vector<double> weights;
  double sum = 0;
  // What of the Gaussian lies over each pixel, since its height in the middle says little when it is
  // narrow. That is itself a blur, of the variance of a box of one pixel.
  const double edge = std::sqrt(2 * std::max(deviation * deviation - 1.0 / 12, 1e-4));
  for (int i = 0; i <= std::ceil(3 * deviation); ++i) {
    weights.push_back((std::erf((i + 0.5) / edge) - std::erf((i - 0.5) / edge)) / 2);
    sum += (i == 0 ? 1 : 2) * weights.back();
  }
  std::vector<std::uint32_t> whole;
  for (const double weight : weights) whole.push_back(static_cast<std::uint32_t>(std::lround(weight / sum * kOne)));
  std::uint32_t rest = 65536;
  for (std::size_t i = 1; i < whole.size(); ++i) rest -= 2 * whole[i];
  whole[0] = rest;
  return whole;
}

// All columns at once, row after row: memory is read in its order.
class Columns {
 public:
  explicit Columns(const Bytes2d& plane)
      : bytes_(plane.bytes), stride_(plane.stride), width_(plane.width * plane.channels), height_(plane.height),
        copy_(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_)), sums_(static_cast<std::size_t>(width_)) {}

  void Weigh(const std::vector<std::uint32_t>& weights) {
    CopyAll();
    const int reach = static_cast<int>(weights.size()) - 1;
    for (int y = 0; y < height_; ++y) {
      std::fill(sums_.begin(), sums_.end(), 32768U);
      for (int k = std::max(-reach, -y); k <= std::min(reach, height_ - 1 - y); ++k) Add(Copy(y + k), weights[static_cast<std::size_t>(std::abs(k))]);
      for (int x = 0; x < width_; ++x) Row(y)[x] = static_cast<unsigned char>(sums_[static_cast<std::size_t>(x)] >> 16);
    }
  }

 private:
  unsigned char* Row(int y) { return bytes_ + static_cast<std::ptrdiff_t>(y) * stride_; }
  unsigned char* Copy(int y) { return copy_.data() + static_cast<std::ptrdiff_t>(y) * width_; }
  void CopyAll() {
    for (int y = 0; y < height_; ++y) std::copy_n(Row(y), width_, Copy(y));
  }
  void Add(const unsigned char* row, std::uint32_t weight) {
    for (int x = 0; x < width_; ++x) sums_[static_cast<std::size_t>(x)] += weight * row[x];
  }
  unsigned char* bytes_;
  int stride_, width_, height_;
  std::vector<unsigned char> copy_;
  std::vector<std::uint32_t> sums_;
};

// A row with zeros on both sides, so that no sum has to ask where it ends.
void WeighRows(const Bytes2d& plane, const std::vector<std::uint32_t>& weights) {
  const std::size_t margin = (weights.size() - 1) * static_cast<std::size_t>(plane.channels), count = static_cast<std::size_t>(plane.width * plane.channels);
  std::vector<unsigned char> line(count + 2 * margin);
  std::vector<std::uint32_t> sums(count);
  for (int y = 0; y < plane.height; ++y) {
    unsigned char* row = plane.bytes + static_cast<std::ptrdiff_t>(y) * plane.stride;
    std::copy_n(row, count, line.data() + margin);
    for (std::size_t i = 0; i < count; ++i) sums[i] = 32768U + weights[0] * line[margin + i];
    for (std::size_t k = 1; k < weights.size(); ++k) {
      const std::size_t away = k * static_cast<std::size_t>(plane.channels);
      for (std::size_t i = 0; i < count; ++i) sums[i] += weights[k] * (std::uint32_t{line[margin + i - away]} + line[margin + i + away]);
    }
    for (std::size_t i = 0; i < count; ++i) row[i] = static_cast<unsigned char>(sums[i] >> 16);
  }
}

}  // namespace

void BlurRows(const Bytes2d& plane, double deviation) { WeighRows(plane, WeightsFor(deviation)); }

void BlurColumns(const Bytes2d& plane, double deviation) { Columns(plane).Weigh(WeightsFor(deviation)); }

}  // namespace raster
