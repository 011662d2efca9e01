// What one node looks like, without its children: areas and their paints, strokes, glyphs, effects.
#pragma once

#include <vector>

#include "scene/outlines.h"
#include "scene/paints.h"
#include "scene/scene.h"

namespace scene {

// FRAME, SYMBOL and their like: a size of their own, children that are clipped to it.
bool IsContainer(fig::NodeType type);
// A frame that only holds its children together: nothing to see, nothing to clip.
bool IsGroup(const fig::NodeChange& node);

class Appearance {
 public:
  // Both must outlive it; outlines, paints and remarks go into `scene`.
  Appearance(const fig::Document& document, const fig::Budget& budget, Scene& scene)
      : document_(document), budget_(budget), scene_(scene), outlines_(document, budget, scene.outlines), remarks_(scene.remarks) {}

  // Everything of `to` but its place in the tree. Fails with kGeometry, kBudget.
  fig::Outcome<fig::Nothing> Draw(const fig::NodeChange& node, Node& to);
  Remarks& remarks() { return remarks_; }

 private:
  using Shapes = std::vector<Shape>;
  // The paints that hold: those of the shared style, else the node's own.
  const std::vector<fig::Paint>* FillPaints(const fig::NodeChange& node) const;
  const std::vector<fig::Paint>* StrokePaints(const fig::NodeChange& node) const;
  const std::vector<fig::Effect>* Effects(const fig::NodeChange& node) const;
  const fig::NodeChange* Style(const std::optional<fig::Guid>& style) const;
  std::vector<fig::Paint> Background(const fig::NodeChange& node) const;

  const PaintList* Keep(const std::vector<fig::Paint>& paints);
  fig::Outcome<Shapes> FromPaths(const std::vector<fig::Path>& paths, const fig::NodeChange& node, const PaintList* paints);
  // The node's own area, whatever it is filled with.
  fig::Outcome<Shapes> Area(const fig::NodeChange& node, const PaintList* paints);
  fig::Outcome<Shapes> AreaOfNetwork(const fig::NodeChange& node, const PaintList* paints);
  fig::Outcome<fig::Nothing> DrawFills(const fig::NodeChange& node, Node& to);
  fig::Outcome<fig::Nothing> DrawStrokes(const fig::NodeChange& node, Node& to);
  fig::Outcome<fig::Nothing> DrawText(const fig::NodeChange& node, Node& to);
  fig::Outcome<fig::Nothing> DrawGlyphs(const fig::NodeChange& node, const std::vector<fig::Glyph>& glyphs, Node& to);
  const PaintList* RunPaints(const fig::NodeChange& node, std::uint32_t style_id);

  const fig::Document& document_;
  const fig::Budget& budget_;
  Scene& scene_;
  Outlines outlines_;
  Remarks remarks_;
  Size size_;  // of the node that is drawn
  std::map<std::uint32_t, const PaintList*> runs_;  // of the text that is drawn, by style
};

}  // namespace scene
