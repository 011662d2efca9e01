// What one node looks like, without its children: areas and their paints, strokes, glyphs, effects.
#pragma once

#include <vector>

#include "scene/outlines.h"
#include "scene/paints.h"
#include "scene/stand_in.h"

namespace scene {

// A frame that only holds its children together: nothing to see, nothing to clip.
bool IsGroup(const fig::NodeChange& node);

class Appearance {
 public:
  // All must outlive it; outlines, paints and remarks go into `scene`.
  Appearance(const fig::Document& document, const fig::Budget& budget, Meter& meter, Scene& scene)
      : document_(document), budget_(budget), meter_(meter), scene_(scene), outlines_(document, budget, meter, scene.outlines),
        remarks_(scene.remarks) {}

  // Everything of `to` but its place in the tree. Fails with kGeometry, kBudget.
  fig::Check Draw(const fig::NodeChange& node, Node& to);
  Remarks& remarks() { return remarks_; }

 private:
  using Shapes = std::vector<Shape>;
  // The paints that hold: those of the shared style, else the node's own.
  const std::vector<fig::Paint>* FillPaints(const fig::NodeChange& node) const;
  const std::vector<fig::Paint>* StrokePaints(const fig::NodeChange& node) const;
  const std::vector<fig::Effect>* Effects(const fig::NodeChange& node) const;
  const fig::NodeChange* Style(const std::optional<fig::Guid>& style) const;
  std::vector<fig::Paint> Background(const fig::NodeChange& node) const;

  fig::Outcome<const PaintList*> Keep(const std::vector<fig::Paint>& paints);
  fig::Outcome<bool> Shows(const std::vector<fig::Paint>* paints);
  fig::Outcome<const fig::NodeChange*> Find(const std::vector<fig::NodeChange>& styles, std::uint32_t id);
  // Adds a shape, unless there is nothing of it.
  fig::Check Add(const Shape& shape, Shapes& to);
  // `paints` null: only the areas are wanted.
  fig::Outcome<Shapes> FromPaths(const std::vector<fig::Path>& paths, const fig::NodeChange& node, const PaintList* paints);
  // The node's own area, whatever it is filled with.
  fig::Outcome<Shapes> Area(const fig::NodeChange& node, const PaintList* paints);
  fig::Outcome<Shapes> AreaOfNetwork(const fig::VectorData& data, const PaintList* paints);
  fig::Outcome<const PaintList*> StyledPaints(const fig::VectorData& data, std::uint32_t style_id, const PaintList* otherwise);
  fig::Check DrawFills(const fig::NodeChange& node, Node& to);
  fig::Check DrawStrokes(const fig::NodeChange& node, Node& to);
  fig::Check StandInForStrokes(const fig::NodeChange& node, const PaintList* paints, Node& to);
  fig::Check DrawText(const fig::NodeChange& node, Node& to);
  fig::Check DrawGlyphs(const fig::NodeChange& node, const std::vector<fig::Glyph>& glyphs, Node& to);
  fig::Check DrawDecorations(const fig::NodeChange& node, const std::vector<fig::Decoration>& lines, Node& to);
  fig::Check DrawSides(const fig::NodeChange& node, Node& to);
  fig::Outcome<const PaintList*> RunPaints(const fig::NodeChange& node, std::uint32_t style_id);

  const fig::Document& document_;
  const fig::Budget& budget_;
  Meter& meter_;
  Scene& scene_;
  Outlines outlines_;
  Remarks remarks_;
  Size size_;  // of the node that is drawn
  std::map<std::uint32_t, const PaintList*> runs_;  // of the text that is drawn, by style
};

}  // namespace scene
