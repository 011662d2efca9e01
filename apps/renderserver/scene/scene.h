// A scene: one region of a document, ready to be drawn. Styles, instances, overrides, defaults and
// text runs are resolved, every number is finite, every path is parsed. Both painters (raster and
// svg) read this and nothing else, so they cannot disagree about what a file means.
//
// Ownership: a Scene owns its outlines and paints; images point into the Document, which must
// outlive it. Threads: const access from any number.
// Units: design pixels; colours straight alpha, 0..1, sRGB.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "fig/document.h"

namespace scene {

using fig::BlendMode;
using fig::Colour;
using fig::ColourStop;
using fig::Guid;
using fig::ImageScaleMode;
using fig::PaintType;
using fig::StrokeAlign;
using fig::Winding;

struct Point {
  double x = 0, y = 0;
};
struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  bool empty() const { return !(width > 0 && height > 0); }
};
struct Matrix {  // x' = xx x + xy y + x0; y' = yx x + yy y + y0 (as cairo names them)
  double xx = 1, yx = 0, xy = 0, yy = 1, x0 = 0, y0 = 0;
};
Matrix operator*(const Matrix& outer, const Matrix& inner);  // first inner, then outer
Point Apply(const Matrix& matrix, Point point);
bool Invert(const Matrix& matrix, Matrix* inverse);  // false: it has none
Rect Bounds(const Matrix& matrix, const Rect& rect);
Rect Union(const Rect& a, const Rect& b);  // an empty one counts for nothing
Rect Intersection(const Rect& a, const Rect& b);

// A length in whole pixels, at least one. A pixel that is begun counts, but in older thumbnails.
enum class Rounding : std::uint8_t { kNearest, kUp };
double WholePixels(double length, double scale, Rounding rounding);

// Commands and their coordinates, checked: starts with a move, coordinates finite.
struct Outline {
  enum Command : std::uint8_t { kClose = 0, kMove = 1, kLine = 2, kQuad = 3, kCubic = 4 };
  std::vector<Command> commands;
  std::vector<float> points;  // x y pairs: 0, 1, 1, 2, 3 of them per command
  Rect bounds;                // of the curves themselves
};

struct Paint {
  PaintType type = PaintType::kSolid;  // kSolid, a gradient or kImage: nothing else gets here
  Colour colour;                       // kSolid
  float opacity = 1;
  BlendMode blend = BlendMode::kNormal;
  std::vector<ColourStop> stops;       // ascending, at least one
  // Gradients: gradient space (linear from (0,.5) to (1,.5); others centre (.5,.5), radius .5) ->
  // node. Images with kStretch: the image's unit square -> node.
  Matrix to_node;
  // kImage
  fig::Bytes image;                    // encoded: PNG, JPEG, GIF or WebP; empty: missing in the file
  std::string image_key;               // the same key, the same image
  ImageScaleMode scale_mode = ImageScaleMode::kFill;
  double tile_scale = 1;               // kTile: node pixels per image pixel
  double rotation = 0;                 // degrees, multiples of 90 in practice
  std::optional<fig::PaintFilter> filter;
};

using PaintList = std::vector<Paint>;  // bottom to top

// One area and how it is filled.
struct Shape {
  const Outline* outline = nullptr;
  Winding winding = Winding::kNonZero;
  Matrix to_node;                     // identity for geometry; position and size for a glyph
  const PaintList* paints = nullptr;  // the boxes of gradients and images are the node's, not the outline's
  bool glyph = false;
};

struct Effect {
  enum class Type : std::uint8_t { kDropShadow, kInnerShadow, kLayerBlur, kBackgroundBlur };
  Type type = Type::kDropShadow;
  Colour colour;
  Point offset;
  double radius = 0;  // standard deviation of the Gaussian = radius / 2
  double spread = 0;
  BlendMode blend = BlendMode::kNormal;
  bool show_behind_node = false;
};

enum class Mask : std::uint8_t { kNone, kAlpha, kOutline, kLuminance };

// A node of the expanded tree. Paint order: background blur, drop shadows, fills, children, strokes
// (of a container, above its clipped children), inner shadows over the fills; layer blur over all.
struct Node {
  Guid guid;
  std::string name;  // UTF-8 as in the file: escape it
  fig::NodeType type = fig::NodeType::kUnknown;
  Matrix transform;  // to the parent
  double width = 0, height = 0;
  float opacity = 1;
  BlendMode blend = BlendMode::kPassThrough;
  Mask mask = Mask::kNone;  // masks all later siblings
  bool is_frame = false;    // has a box of its own, painted or not: it counts for what a picture shows
  bool clips = false;       // children, to clip_shapes
  std::vector<Shape> clip_shapes;  // the node's own area: clip, and the sides of inner and outer strokes
  std::vector<Shape> fills;
  std::vector<Shape> strokes;
  StrokeAlign stroke_align = StrokeAlign::kCenter;
  std::vector<Effect> effects;
  // Tree without recursion: indices into Scene::nodes, children in paint order; kNone ends.
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::uint32_t parent = kNone, first_child = kNone, next_sibling = kNone;
};

struct Scene {
  std::vector<Node> nodes;          // nodes[0] is the root: no paint of its own, its transform is identity
  Rect region;                      // what the picture shows, in root coordinates
  // How Figma makes a thumbnail of this region: newer files, which name their region, have both sides in
  // whole pixels first and are scaled into them; the older ones are scaled by their longest side.
  enum class Fit : std::uint8_t { kLongestSide, kBothSides };
  Fit fit = Fit::kLongestSide;
  // And how it draws edges there: since version 15 of the format by four samples of each pixel.
  enum class Edges : std::uint8_t { kSmooth, kFourSamples };
  Edges edges = Edges::kSmooth;
  Colour background{0, 0, 0, 0};    // under everything
  std::deque<Outline> outlines;     // stable addresses
  std::deque<PaintList> paints;
  std::vector<std::string> remarks;  // what could not be drawn as the file means it, once per kind
};

}  // namespace scene
