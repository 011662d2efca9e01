// Scene -> SVG text: vectors stay vectors. Threads: as raster.h. Numbers have up to 6 decimals.
#pragma once

#include <string>
#include <vector>

#include "scene/scene.h"

namespace svg {

struct Options {
  double scale = 1;  // width and height of the outermost element; coordinates stay design pixels
  scene::Rounding rounding = scene::Rounding::kUp;  // of these
};

// Fails with kBudget (length of the text), kMemory (an image). Everything from the file is escaped.
fig::Outcome<std::string> Write(const scene::Scene& scene, const Options& options, const fig::Budget& budget,
                                std::vector<std::string>* remarks);

}  // namespace svg
