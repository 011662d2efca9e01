// What a paint is for cairo: a pattern in the picture's coordinates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "raster/image.h"
#include "raster/surface.h"
#include "scene/scene.h"

namespace raster {

class Sources {
 public:
  // All must outlive it.
  Sources(const fig::Budget& budget, Pixels& pixels, std::vector<std::string>* remarks)
      : budget_(budget), pixels_(pixels), remarks_(remarks) {}

  struct Source {
    PatternPtr pattern;
    bool cut = false;      // shows nothing outside of `quad`
    scene::Point quad[4];  // in the picture's coordinates
  };
  // `node`: whose paint it is. `area`: the pixels that will be asked for. Without the paint's opacity and
  // blend mode. Fails with kBudget; a broken image is checkers.
  fig::Outcome<Source> Make(const scene::Paint& paint, const scene::Node& node, const scene::Matrix& node_to_picture, const Box& area);

 private:
  struct Known {
    Image image;
    std::unique_ptr<cairo_surface_t, Destroy> surface;  // null: broken
    double full_width = 0, full_height = 0;
  };
  fig::Outcome<const Known*> Load(const scene::Paint& paint, std::uint32_t enough);
  fig::Outcome<Source> FromImage(const scene::Paint& paint, const scene::Node& node, const scene::Matrix& node_to_picture);
  void Remark(std::string text);

  const fig::Budget& budget_;
  Pixels& pixels_;
  std::vector<std::string>* remarks_;
  std::map<std::string, Known> known_;
  std::uint64_t image_pixels_ = 0;
};

}  // namespace raster
