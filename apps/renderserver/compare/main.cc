// picture_compare [--halved] A.png B.png [DIFFERENCE.png]: prints "ssim mean-difference far-fraction", and
// with a third name writes where they differ. --halved: both are brought to half their size before.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "compare/compare.h"

namespace {

std::string ReadFile(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

enum class Size { kFull, kHalf };

fig::Outcome<fig::Nothing> Run(Size size, int argc, char** argv) {
  const std::string a = ReadFile(argv[1]), b = ReadFile(argv[2]);
  compare::Image image_a = FIG_TRY(compare::ReadPng(fig::BytesOf(a), argv[1]));
  compare::Image image_b = FIG_TRY(compare::ReadPng(fig::BytesOf(b), argv[2]));
  if (size == Size::kHalf) {
    image_a = compare::Halved(image_a);
    image_b = compare::Halved(image_b);
  }
  const compare::Score score = compare::Compare(image_a, image_b);
  std::printf("%.4f %.2f %.4f", score.ssim, score.mean_difference, score.far);
  if (image_a.width != image_b.width || image_a.height != image_b.height) {
    std::printf(" (%ux%u and %ux%u)", image_a.width, image_a.height, image_b.width, image_b.height);
  }
  std::puts("");
  if (argc < 4) return fig::Nothing{};
  const auto png = FIG_TRY(compare::WritePng(compare::Difference(image_a, image_b)));
  std::ofstream(argv[3], std::ios::binary).write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
  return fig::Nothing{};
}

}  // namespace

int main(int argc, char** argv) {
  Size size = Size::kFull;
  if (argc > 1 && std::string_view(argv[1]) == "--halved") {
    size = Size::kHalf;
    --argc, ++argv;
  }
  if (argc != 3 && argc != 4) {
    std::fputs("picture_compare [--halved] A.png B.png [DIFFERENCE.png]\n", stderr);
    return 2;
  }
  const auto done = Run(size, argc, argv);
  if (done.ok()) return 0;
  std::fprintf(stderr, "%s\n", done.fault().ToString().c_str());
  return 1;
}
