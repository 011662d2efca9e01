#include "raster/silhouette.h"

#include <algorithm>
#include <cmath>

#include "raster/shapes.h"

namespace raster {
namespace {

using scene::Matrix;

// Areas that Figma widens by a spread are simple ones; so are those that can be widened cheaply.
constexpr std::size_t kSimple = 64;

std::size_t Commands(const ShapeList& shapes) {
  std::size_t commands = 0;
  for (const scene::Shape& shape : shapes) commands += shape.outline->commands.size();
  return commands;
}

// Corners are kept sharp.
void Widen(cairo_t* context, const ShapeList& shapes, const Matrix& to_picture, double by, Work& work) {
  if (by == 0 || shapes.empty() || Commands(shapes) > kSimple) return;
  BeginPath(context, work);
  for (const scene::Shape& shape : shapes) AddShape(context, shape, to_picture, work);
  cairo_set_operator(context, by > 0 ? CAIRO_OPERATOR_OVER : CAIRO_OPERATOR_DEST_OUT);
  cairo_set_line_width(context, 2 * std::min(std::fabs(by), 1e5));
  cairo_set_line_join(context, CAIRO_LINE_JOIN_MITER);
  cairo_stroke(context);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
}

}  // namespace

bool HasOwnSilhouette(const scene::Node& node) {
  const auto opaque = [](const scene::Shape& shape) { return IsOpaque(shape.paints); };
  if (node.fills.empty() && (node.strokes.empty() || node.stroke_align != scene::StrokeAlign::kCenter)) return false;
  if (!std::all_of(node.fills.begin(), node.fills.end(), opaque) || !std::all_of(node.strokes.begin(), node.strokes.end(), opaque)) return false;
  return node.first_child == scene::Node::kNone || (node.clips && !node.fills.empty());
}

fig::Outcome<Silhouette> Silhouette::Of(const scene::Node& node, const Matrix& to_picture, const Surface& content, Layers& layers) {
  Silhouette silhouette(node, to_picture);
  silhouette.mask_ = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, content.box(), layers.pixels()));
  Surface& mask = *silhouette.mask_;
  unsigned char* from = content.bytes();
  unsigned char* to = mask.bytes();
  for (int y = 0; y < mask.box().height; ++y) {
    const auto* row = reinterpret_cast<const std::uint32_t*>(from + static_cast<std::ptrdiff_t>(y) * content.stride());
    unsigned char* out = to + static_cast<std::ptrdiff_t>(y) * mask.stride();
    for (int x = 0; x < mask.box().width; ++x) out[x] = static_cast<unsigned char>(row[x] >> 24);
  }
  mask.Changed();
  layers.work().Spend(mask.box().pixels() * Work::kGradient);
  return silhouette;
}

void Silhouette::Draw(cairo_t* context, scene::Point offset, double spread, Work& work) const {
  const Matrix moved = Matrix{1, 0, 0, 1, offset.x, offset.y} * to_picture_;
  cairo_set_source_rgba(context, 0, 0, 0, 1);
  if (mask_) {
    cairo_mask_surface(context, mask_->get(), offset.x, offset.y);
  } else {
    FillAll(context, node_.fills, moved, work);
    // Inner strokes lie within; of outer ones the inner half does.
    if (node_.stroke_align != scene::StrokeAlign::kInside || node_.fills.empty()) FillAll(context, node_.strokes, moved, work);
  }
  Widen(context, node_.fills, moved, spread, work);
}

Box Silhouette::Bounds(scene::Point offset, double spread) const {
  scene::Rect rect;
  if (mask_) {
    const Box& box = mask_->box();
    rect = {static_cast<double>(box.x), static_cast<double>(box.y), static_cast<double>(box.width), static_cast<double>(box.height)};
  } else {
    rect = scene::Union(BoundsOf(node_.fills, to_picture_), BoundsOf(node_.strokes, to_picture_));
  }
  // Sharp corners reach farther than the spread: cairo's limit for them is ten times.
  const double wide = std::max(0.0, spread) * 10;
  return BoxOf(scene::Rect{rect.x + offset.x - wide, rect.y + offset.y - wide, rect.width + 2 * wide, rect.height + 2 * wide});
}

}  // namespace raster
