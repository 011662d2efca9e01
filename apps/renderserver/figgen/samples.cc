#include "figgen/samples.h"

#include <algorithm>

namespace figgen {

Node Board(Sketch* sketch, double width, double height) {
  sketch->ShowRegion(0, 0, width, height);
  Node board = sketch->Page("Page 1").Add("FRAME", "board");
  board.Box(width, height).Fill(Solid(Rgb(0xFFFFFF)));
  return board;
}

std::vector<Sample> AllSamples() {
  std::vector<Sample> all;
  for (const auto& theme : {ShapeSamples(), PaintSamples(), LayerSamples(), TextSamples(), SymbolSamples(),
                            FileSamples(), ShowSamples()}) {
    all.insert(all.end(), theme.begin(), theme.end());
  }
  return all;
}

const Sample* FindSample(const std::vector<Sample>& samples, std::string_view name) {
  const auto at = std::find_if(samples.begin(), samples.end(), [&](const Sample& s) { return s.name == name; });
  return at == samples.end() ? nullptr : &*at;
}

std::string FileName(const Sample& sample) {
  const std::string& magic = sample.packing.magic;
  const char* ending = magic == "fig-deck" ? ".deck" : magic == "fig-jam." ? ".jam" : ".fig";
  return std::string(sample.name) + ending;
}

std::string Write(const Sample& sample) {
  return sample.write != nullptr ? sample.write() : sample.draw(sample.name).Pack(sample.packing);
}

}  // namespace figgen
