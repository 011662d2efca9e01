// What a paint is for cairo: a pattern in the picture's coordinates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "raster/image.h"
#include "raster/surface.h"
#include "raster/work.h"
#include "scene/scene.h"

namespace raster {

class Sources {
 public:
  // All must outlive it.
  Sources(const fig::Budget& budget, Pixels& pixels, Work& work, std::vector<std::string>* remarks)
      : budget_(budget), pixels_(pixels), work_(work), remarks_(remarks) {}

  struct Source {
    PatternPtr pattern;
    double opacity = 1;    // what the pattern could not take in
    bool cut = false;      // shows nothing outside of `quad`
    scene::Point quad[4];  // in the picture's coordinates
    Surface pixels;        // what the pattern shows, if it has pixels of its own
  };
  // `node`: whose paint it is. `area`: the pixels that will be asked for. Without the paint's blend mode.
  // Fails with kBudget, kMemory; a broken image is checkers.
  fig::Outcome<Source> Make(const scene::Paint& paint, double opacity, const scene::Node& node, const scene::Matrix& node_to_picture,
                            const Box& area);

 private:
  struct Known {
    Image image;
    std::unique_ptr<cairo_surface_t, Destroy> surface;  // null: broken
  };
  fig::Outcome<ImageSize> Measure(const scene::Paint& paint);  // no pixels: broken
  fig::Outcome<const Known*> Load(const scene::Paint& paint, ImageSize size, unsigned halvings);
  fig::Outcome<Source> FromImage(const scene::Paint& paint, const scene::Node& node, const scene::Matrix& node_to_picture);
  void Remark(std::string text);

  const fig::Budget& budget_;
  Pixels& pixels_;
  Work& work_;
  std::vector<std::string>* remarks_;
  std::map<std::string, ImageSize> sizes_;  // by the image's key
  std::map<std::string, Known> known_;
  std::uint64_t image_pixels_ = 0;
};

}  // namespace raster
