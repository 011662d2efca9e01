// renderserver_svg_samples FOLDER: writes each sample scene there by both painters, as NAME.svg and
// NAME.png, and a line for each.
#include <cstdio>
#include <fstream>

#include "raster/raster.h"
#include "svg/svg.h"
#include "svg/testing.h"

namespace {

constexpr double kScale = 1.5;

fig::Outcome<fig::Nothing> WriteBoth(const svg::testing::Sample& sample, const std::string& path) {
  const scene::Scene& scene = sample.maker.scene();
  const std::string text = FIG_TRY(svg::Write(scene, {kScale}, {}, nullptr));
  std::ofstream(path + ".svg") << text;
  const raster::Picture picture = FIG_TRY(raster::Paint(scene, {kScale, 0}, {}, nullptr));
  const auto png = FIG_TRY(raster::EncodePng(picture));
  std::ofstream(path + ".png", std::ios::binary).write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
  return fig::Nothing{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const svg::testing::Sample& sample : svg::testing::Samples()) {
    const auto written = WriteBoth(sample, std::string(argv[1]) + "/" + sample.name);
    if (!written.ok()) {
      std::fprintf(stderr, "%s: %s\n", sample.name.c_str(), written.fault().ToString().c_str());
      return 1;
    }
    std::printf("%s %g\n", sample.name.c_str(), sample.least);
  }
  return 0;
}
