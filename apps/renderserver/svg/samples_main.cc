// renderserver_svg_samples FOLDER: writes each sample scene as NAME.svg there, and a line for each.
#include <cstdio>
#include <fstream>

#include "svg/svg.h"
#include "svg/testing.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (svg::testing::Sample& sample : svg::testing::Samples()) {
    const auto text = svg::Write(sample.maker.scene(), {}, {}, nullptr);
    const std::string path = std::string(argv[1]) + "/" + sample.name;
    if (!text.ok()) {
      std::fprintf(stderr, "%s: %s\n", sample.name.c_str(), text.fault().ToString().c_str());
      return 1;
    }
    std::ofstream(path + ".svg") << text.value();
    std::printf("%s %g\n", sample.name.c_str(), sample.least);
  }
  return 0;
}
