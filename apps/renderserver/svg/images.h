// Images as data URIs: each is written once, whatever uses it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "fig/budget.h"
#include "scene/scene.h"
#include "svg/markup.h"

namespace svg {

class Images {
 public:
  // All must outlive this. `remarks` gets what cannot be shown as the file means it.
  Images(const fig::Budget& budget, Markup* markup, std::set<std::string>* remarks)
      : budget_(budget), markup_(markup), remarks_(remarks) {}

  // What to show through a clip that holds the shape: in the node's coordinates, covering `area` as
  // far as the image does. `node` is the node's own box.
  std::string Content(const scene::Paint& paint, const scene::Rect& node, const scene::Rect& area);

  // The first image that is beyond a budget: what was written is not to be used.
  const std::optional<fig::Fault>& fault() const { return fault_; }

 private:
  struct Known {
    std::string id;  // of the <image>, its size that of its pixels; "" when it cannot be shown
    double width = 0, height = 0;
  };

  const Known& Find(const scene::Paint& paint);
  Known Define(const scene::Paint& paint);
  Known DefineDecoded(const scene::Paint& paint);
  Known Embed(const char* type, const std::string& bytes, double width, double height);
  std::string Tiles(const Known& image, const scene::Paint& paint, const scene::Rect& area);
  std::string Checkers(const scene::Rect& area);

  fig::Budget budget_;
  Markup* markup_;
  std::set<std::string>* remarks_;
  std::map<std::string, Known> known_;
  std::optional<fig::Fault> fault_;
  std::uint64_t decoded_pixels_ = 0;
};

}  // namespace svg
