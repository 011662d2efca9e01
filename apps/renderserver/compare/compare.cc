#include "compare/compare.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace compare {
namespace {

constexpr int kReach = 5;  // of a window to each side
constexpr double kSigma = 1.5;

// Numbers for each pixel of a picture.
struct Plane {
  std::size_t width, height;
  std::vector<double> at;
  Plane(std::size_t w, std::size_t h) : width(w), height(h), at(w * h) {}
};

Plane Luma(const Image& image, std::size_t width, std::size_t height) {
  Plane plane(width, height);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::uint8_t* pixel = &image.rgb[3 * (y * image.width + x)];
      plane.at[y * width + x] = .299 * pixel[0] + .587 * pixel[1] + .114 * pixel[2];
    }
  }
  return plane;
}

Plane Product(const Plane& a, const Plane& b) {
  Plane product(a.width, a.height);
  for (std::size_t i = 0; i < a.at.size(); ++i) product.at[i] = a.at[i] * b.at[i];
  return product;
}

std::array<double, 2 * kReach + 1> Window() {
  std::array<double, 2 * kReach + 1> weights{};
  double sum = 0;
  for (int i = -kReach; i <= kReach; ++i) sum += weights[i + kReach] = std::exp(-i * i / (2 * kSigma * kSigma));
  for (double& weight : weights) weight /= sum;
  return weights;
}

// Along lines of `count` values that lie `step` apart; a border goes on as it ends.
void BlurLine(const std::vector<double>& from, std::size_t begin, std::size_t step, std::size_t count, std::vector<double>* to) {
  static const auto weights = Window();
  const auto last = static_cast<std::ptrdiff_t>(count) - 1;
  for (std::ptrdiff_t i = 0; i <= last; ++i) {
    double sum = 0;
    for (int k = -kReach; k <= kReach; ++k) {
      const auto at = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(i + k, 0, last));
      sum += weights[k + kReach] * from[begin + at * step];
    }
    (*to)[begin + static_cast<std::size_t>(i) * step] = sum;
  }
}

Plane Blurred(Plane plane) {
  std::vector<double> lines(plane.at.size());
  for (std::size_t y = 0; y < plane.height; ++y) BlurLine(plane.at, y * plane.width, 1, plane.width, &lines);
  for (std::size_t x = 0; x < plane.width; ++x) BlurLine(lines, x, plane.width, plane.height, &plane.at);
  return plane;
}

double Similarity(const Plane& a, const Plane& b) {
  constexpr double kC1 = .01 * 255 * .01 * 255, kC2 = .03 * 255 * .03 * 255;
  const Plane mean_a = Blurred(a), mean_b = Blurred(b);
  const Plane aa = Blurred(Product(a, a)), bb = Blurred(Product(b, b)), ab = Blurred(Product(a, b));
  double sum = 0;
  for (std::size_t i = 0; i < a.at.size(); ++i) {
    const double ma = mean_a.at[i], mb = mean_b.at[i];
    const double va = aa.at[i] - ma * ma, vb = bb.at[i] - mb * mb, both = ab.at[i] - ma * mb;
    sum += (2 * ma * mb + kC1) * (2 * both + kC2) / ((ma * ma + mb * mb + kC1) * (va + vb + kC2));
  }
  return sum / static_cast<double>(a.at.size());
}

}  // namespace

fig::Outcome<Image> ReadPng(fig::Bytes png, const std::string& where) {
  png_image reader{};
  reader.version = PNG_IMAGE_VERSION;
  const auto failed = [&] {
    png_image_free(&reader);
    return fig::Fault{fig::FaultClass::kImage, reader.message, fig::Fault::kNowhere, where};
  };
  if (png_image_begin_read_from_memory(&reader, png.data, png.size) == 0) return failed();
  reader.format = PNG_FORMAT_RGB;
  Image image{reader.width, reader.height, {}};
  image.rgb.resize(PNG_IMAGE_SIZE(reader));
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&reader, &white, image.rgb.data(), 0, nullptr) == 0) return failed();
  return image;
}

Score Compare(const Image& a, const Image& b) {
  const std::size_t width = std::min(a.width, b.width), height = std::min(a.height, b.height);
  Score score;
  if (width == 0 || height == 0) return score;
  std::uint64_t sum = 0, far = 0;
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      int most = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const int off = std::abs(a.rgb[3 * (y * a.width + x) + c] - b.rgb[3 * (y * b.width + x) + c]);
        sum += static_cast<std::uint64_t>(off);
        most = std::max(most, off);
      }
      far += most > 64 ? 1 : 0;
    }
  }
  const auto pixels = static_cast<double>(width * height);
  score.mean_difference = static_cast<double>(sum) / (3 * pixels);
  score.far = static_cast<double>(far) / pixels;
  score.ssim = Similarity(Luma(a, width, height), Luma(b, width, height));
  return score;
}

Image Halved(const Image& image) {
  Image half{image.width / 2, image.height / 2, {}};
  half.rgb.reserve(std::size_t{3} * half.width * half.height);
  const std::size_t line = std::size_t{3} * image.width;
  for (std::size_t y = 0; y < half.height; ++y) {
    for (std::size_t x = 0; x < half.width; ++x) {
      const std::uint8_t* upper = &image.rgb[2 * y * line + 6 * x];
      for (std::size_t c = 0; c < 3; ++c) {
        half.rgb.push_back(static_cast<std::uint8_t>((upper[c] + upper[3 + c] + upper[line + c] + upper[line + 3 + c] + 2) / 4));
      }
    }
  }
  return half;
}

Image Difference(const Image& a, const Image& b) {
  Image image{std::min(a.width, b.width), std::min(a.height, b.height), {}};
  image.rgb.reserve(std::size_t{3} * image.width * image.height);
  for (std::size_t y = 0; y < image.height; ++y) {
    for (std::size_t i = 0; i < std::size_t{3} * image.width; ++i) {
      const int off = std::abs(a.rgb[3 * y * a.width + i] - b.rgb[3 * y * b.width + i]);
      image.rgb.push_back(static_cast<std::uint8_t>(255 - off));
    }
  }
  return image;
}

fig::Outcome<std::vector<std::uint8_t>> WritePng(const Image& image) {
  png_image writer{};
  writer.version = PNG_IMAGE_VERSION;
  writer.width = image.width;
  writer.height = image.height;
  writer.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(writer);
  std::vector<std::uint8_t> png(size);
  if (png_image_write_to_memory(&writer, png.data(), &size, 0, image.rgb.data(), 0, nullptr) == 0) {
    return fig::Fault{fig::FaultClass::kOutput, writer.message, fig::Fault::kNowhere, ""};
  }
  png.resize(size);
  return png;
}

}  // namespace compare
