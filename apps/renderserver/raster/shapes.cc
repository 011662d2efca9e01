#include "raster/shapes.h"

#include "raster/path.h"

namespace raster {
namespace {

using fig::Nothing;
using scene::BlendMode;
using scene::Matrix;

// The pixels that the current path can touch.
Box PathBox(cairo_t* context) {
  double left = 0, top = 0, right = 0, bottom = 0;
  cairo_fill_extents(context, &left, &top, &right, &bottom);
  return Grown(RoundOut({left, top, right - left, bottom - top}), 1);
}

using PathPtr = std::unique_ptr<cairo_path_t, void (*)(cairo_path_t*)>;

// Fills the path with the source that is set, and keeps it.
void PaintPath(cairo_t* context, const Sources::Source& source, double opacity) {
  const PathPtr path(cairo_copy_path(context), cairo_path_destroy);
  cairo_save(context);
  cairo_clip(context);
  if (source.cut) {
    AddQuad(context, source.quad);
    SetWinding(context, scene::Winding::kNonZero);
    cairo_clip(context);
  }
  cairo_paint_with_alpha(context, opacity);
  cairo_restore(context);
  cairo_new_path(context);
  cairo_append_path(context, path.get());
}

bool IsSolid(const scene::Paint& paint) { return paint.type == scene::PaintType::kSolid; }

}  // namespace

fig::Outcome<Nothing> Shapes::FillPath(const scene::Paint& paint, const scene::Node& node, const Matrix& to_picture, const Extra& extra) {
  cairo_t* context = layers_.top().context.get();
  const double opacity = paint.opacity * extra.opacity;
  const BlendMode blend = IsPlain(paint.blend) ? extra.blend : paint.blend;
  if (blend == BlendMode::kLinearBurn) return BurnPath(paint, node, to_picture, extra);
  cairo_set_operator(context, OperatorOf(blend));
  if (IsSolid(paint)) {
    cairo_set_source_rgba(context, paint.colour.r, paint.colour.g, paint.colour.b, paint.colour.a * opacity);
    cairo_fill_preserve(context);
  } else if (const Box area = Intersection(PathBox(context), layers_.top().Clip()); !area.empty()) {
    const Sources::Source source = FIG_TRY(sources_.Make(paint, node, to_picture, area));
    cairo_set_source(context, source.pattern.get());
    if (opacity >= 1 && !source.cut) {
      cairo_fill_preserve(context);
    } else {
      PaintPath(context, source, opacity);
    }
  }
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
  return Nothing{};
}

// Painted by itself, then burnt in.
fig::Outcome<Nothing> Shapes::BurnPath(const scene::Paint& paint, const scene::Node& node, const Matrix& to_picture, const Extra& extra) {
  cairo_t* context = layers_.top().context.get();
  const Box area = Intersection(PathBox(context), layers_.top().Clip());
  if (area.empty()) return Nothing{};
  const PathPtr path(cairo_copy_path(context), cairo_path_destroy);
  const cairo_fill_rule_t rule = cairo_get_fill_rule(context);
  FIG_TRY(layers_.Push(Layer::Purpose::kGroup, area));
  cairo_t* own = layers_.top().context.get();
  cairo_append_path(own, path.get());
  cairo_set_fill_rule(own, rule);
  scene::Paint plain = paint;
  plain.blend = BlendMode::kNormal;
  plain.opacity = 1;
  auto filled = FillPath(plain, node, to_picture, {});
  const Layer layer = layers_.Pop();
  if (filled.ok()) return layers_.PutDown(layer.surface, paint.opacity * extra.opacity, BlendMode::kLinearBurn);
  return filled;
}

fig::Outcome<Nothing> Shapes::FillRun(const Run& run, const scene::Node& node, const Matrix& to_picture, const Extra& extra) {
  if (run.empty() || run.front()->paints == nullptr) return Nothing{};
  cairo_t* context = layers_.top().context.get();
  cairo_new_path(context);
  for (const scene::Shape* shape : run) AddShape(context, *shape, to_picture);
  SetWinding(context, run.front()->winding);
  for (const scene::Paint& paint : *run.front()->paints) FIG_TRY(FillPath(paint, node, to_picture, extra));
  cairo_new_path(context);
  return Nothing{};
}

// Glyphs of one run are filled together: where they overlap they are no darker.
fig::Outcome<Nothing> Shapes::Fill(const scene::Node& node, const Matrix& to_picture, const Extra& extra) {
  Run run;
  for (const scene::Shape& shape : node.fills) {
    const bool joins = !run.empty() && shape.glyph && run.back()->glyph && shape.paints == run.back()->paints;
    if (!joins) {
      FIG_TRY(FillRun(run, node, to_picture, extra));
      run.clear();
    }
    run.push_back(&shape);
  }
  return FillRun(run, node, to_picture, extra);
}

fig::Outcome<Nothing> Shapes::Stroke(const scene::Node& node, const Matrix& to_picture) {
  if (node.strokes.empty()) return Nothing{};
  if (node.stroke_align == scene::StrokeAlign::kOutside) return StrokeOutside(node, to_picture);
  cairo_t* context = layers_.top().context.get();
  cairo_save(context);
  if (node.stroke_align == scene::StrokeAlign::kInside && !node.clip_shapes.empty()) ClipTo(context, node.clip_shapes, to_picture);
  fig::Outcome<Nothing> done = Nothing{};
  for (const scene::Shape& shape : node.strokes) {
    done = FillRun({&shape}, node, to_picture, {});
    if (!done.ok()) break;
  }
  cairo_restore(layers_.top().context.get());
  return done;
}

// The outline is twice as wide as the stroke: the inner half is taken away again.
fig::Outcome<Nothing> Shapes::StrokeOutside(const scene::Node& node, const Matrix& to_picture) {
  cairo_t* below = layers_.top().context.get();
  cairo_new_path(below);
  for (const scene::Shape& shape : node.strokes) AddShape(below, shape, to_picture);
  const Box area = Intersection(PathBox(below), layers_.top().Clip());
  cairo_new_path(below);
  if (area.empty()) return Nothing{};
  const Surface mask = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, area, layers_.pixels()));
  {
    const ContextPtr context = mask.Draw();
    FillAll(context.get(), node.strokes, to_picture);
    cairo_set_operator(context.get(), CAIRO_OPERATOR_DEST_OUT);
    FillAll(context.get(), node.clip_shapes, to_picture);
  }
  for (const scene::Paint& paint : *node.strokes.front().paints) {
    const Sources::Source source = FIG_TRY(sources_.Make(paint, node, to_picture, area));
    FIG_TRY(layers_.Push(Layer::Purpose::kGroup, area));
    cairo_set_source(layers_.top().context.get(), source.pattern.get());
    cairo_mask_surface(layers_.top().context.get(), mask.get(), 0, 0);
    const Layer layer = layers_.Pop();
    FIG_TRY(layers_.PutDown(layer.surface, paint.opacity, paint.blend));
  }
  return Nothing{};
}

}  // namespace raster
