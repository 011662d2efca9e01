// Areas as elements: paths, or references to one that is written once; clips and silhouettes of them.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "scene/scene.h"
#include "svg/images.h"
#include "svg/markup.h"

namespace svg {

class Shapes {
 public:
  // Counts how often each outline is needed; `scene` and `markup` must outlive this.
  Shapes(const scene::Scene& scene, Markup* markup, Images* images);

  // The areas with their paints; `node` is the box that images are fitted into.
  void Paint(const std::vector<scene::Shape>& shapes, const scene::Rect& node);
  // The same where exactly one element is needed, which can carry more attributes (IsOneElement).
  void PaintAsOne(const std::vector<scene::Shape>& shapes, const std::string& attributes);
  static bool IsOneElement(const std::vector<scene::Shape>& shapes);

  // The areas alone, in black unless a group around them says otherwise: as text, or written.
  std::string Elements(const std::vector<scene::Shape>& shapes);
  void Silhouette(const std::vector<scene::Shape>& shapes) { markup_->Add(Elements(shapes)); }

  // A <clipPath> of the union, as "url(#c1)"; "" when there is no shape at all.
  std::string Clip(const std::vector<scene::Shape>& shapes);
  // A <mask> that leaves everything but the union within `area`.
  std::string Outside(const std::vector<scene::Shape>& shapes, const scene::Rect& area);

 private:
  struct Key {
    const scene::Outline* outline;
    std::array<double, 4> linear;  // of to_node, without where it goes
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Known {
    std::uint64_t uses = 0;
    std::string id;
  };

  static Key KeyOf(const scene::Shape& shape);
  void Count(const std::vector<scene::Shape>& shapes, bool painted);
  // `<use .../>` or `<path .../>` without its end: attributes can be added. `fixed`: its coordinates
  // must be the node's, because a gradient is laid out in them.
  std::string Element(const scene::Shape& shape, const char* rule, bool fixed);
  using Run = std::vector<scene::Shape>;
  void PaintRun(const Run& run, const scene::Rect& node);
  void PaintOne(const Run& run, const scene::Paint& paint, const scene::Rect& node);
  void PaintSheet(const Run& run, const scene::Paint& paint, const scene::Rect& node);

  Markup* markup_;
  Images* images_;
  std::map<Key, Known> known_;
};

}  // namespace svg
