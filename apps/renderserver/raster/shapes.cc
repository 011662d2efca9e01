#include "raster/shapes.h"

#include <algorithm>

namespace raster {
namespace {

using fig::Nothing;
using scene::BlendMode;
using scene::Matrix;
using scene::PaintType;
using scene::Point;

constexpr float kOpaque = 0.999F;

bool Hides(const scene::Paint& paint) {
  if (!IsPlain(paint.blend) || paint.opacity < kOpaque) return false;
  if (paint.type == PaintType::kSolid) return paint.colour.a >= kOpaque;
  if (paint.type == PaintType::kImage || paint.stops.empty()) return false;
  return std::all_of(paint.stops.begin(), paint.stops.end(), [](const scene::ColourStop& stop) { return stop.colour.a >= kOpaque; });
}

bool IsSame(const scene::Shape& a, const scene::Shape& b) {
  const Matrix &m = a.to_node, &n = b.to_node;
  return a.outline == b.outline && a.winding == b.winding && m.xx == n.xx && m.yx == n.yx && m.xy == n.xy && m.yy == n.yy && m.x0 == n.x0 && m.y0 == n.y0;
}

// Does the quadrilateral reach around all of the area?
bool Surrounds(const Point (&quad)[4], const Box& area) {
  const double left = area.x, top = area.y, right = area.x + area.width, bottom = area.y + area.height;
  double least = 0, most = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Point a = quad[i], b = quad[(i + 1) % 4];
    for (const Point& corner : {Point{left, top}, Point{right, top}, Point{right, bottom}, Point{left, bottom}}) {
      const double turn = (b.x - a.x) * (corner.y - b.y) - (b.y - a.y) * (corner.x - b.x);
      least = std::min(least, turn);
      most = std::max(most, turn);
    }
  }
  return least >= 0 || most <= 0;
}

using PathPtr = std::unique_ptr<cairo_path_t, void (*)(cairo_path_t*)>;

}  // namespace

bool IsOpaque(const scene::PaintList* paints) { return paints != nullptr && std::any_of(paints->begin(), paints->end(), Hides); }

bool StrokeLiesBelow(const scene::Node& node) {
  if (node.stroke_align != scene::StrokeAlign::kOutside || node.strokes.empty() || node.fills.size() != node.clip_shapes.size() || node.fills.empty()) return false;
  if (node.first_child != scene::Node::kNone && !node.clips) return false;
  for (std::size_t i = 0; i < node.fills.size(); ++i) {
    if (!IsOpaque(node.fills[i].paints) || !IsSame(node.fills[i], node.clip_shapes[i])) return false;
  }
  // Its mode must not see the fill.
  return std::all_of(node.strokes.begin(), node.strokes.end(), [](const scene::Shape& shape) {
    return shape.paints == nullptr || std::all_of(shape.paints->begin(), shape.paints->end(), [](const scene::Paint& paint) { return IsPlain(paint.blend); });
  });
}

fig::Outcome<Surface> Shapes::MaskOfPath(const Box& area) {
  Surface mask = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, area, layers_.pixels()));
  const PathPtr path(cairo_copy_path(layers_.context()), cairo_path_destroy);
  const ContextPtr context = mask.Draw();
  cairo_append_path(context.get(), path.get());
  cairo_set_fill_rule(context.get(), cairo_get_fill_rule(layers_.context()));
  cairo_set_antialias(context.get(), cairo_get_antialias(layers_.context()));
  cairo_fill(context.get());
  FIG_TRY(Check(context.get()));
  return mask;
}

fig::Outcome<Nothing> Shapes::FillPath(const scene::Paint& paint, const Task& task, const Box& area) {
  cairo_t* context = layers_.context();
  const BlendMode blend = IsPlain(paint.blend) ? task.extra.blend : paint.blend;
  if (blend == BlendMode::kLinearBurn) return Burn(FIG_TRY(MaskOfPath(area)), paint, task);
  const Sources::Source source = FIG_TRY(sources_.Make(paint, paint.opacity * task.extra.opacity, task.node, task.to_picture, area));
  if (source.opacity < 1 || (source.cut && !Surrounds(source.quad, area))) return FillMask(FIG_TRY(MaskOfPath(area)), paint, task);
  cairo_set_operator(context, OperatorOf(blend));
  cairo_set_source(context, source.pattern.get());
  cairo_fill_preserve(context);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
  return Nothing{};
}

fig::Outcome<Nothing> Shapes::FillMask(const Surface& mask, const scene::Paint& paint, const Task& task) {
  cairo_t* context = layers_.context();
  const BlendMode blend = IsPlain(paint.blend) ? task.extra.blend : paint.blend;
  if (blend == BlendMode::kLinearBurn) return Burn(mask, paint, task);
  const Sources::Source source = FIG_TRY(sources_.Make(paint, paint.opacity * task.extra.opacity, task.node, task.to_picture, mask.box()));
  const Surface* through = &mask;
  Surface cut;
  if (source.opacity < 1 || (source.cut && !Surrounds(source.quad, mask.box()))) {
    cut = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, mask.box(), layers_.pixels()));
    const ContextPtr own = cut.Draw();
    if (source.cut) {
      AddQuad(own.get(), source.quad);
    } else {
      cairo_rectangle(own.get(), mask.box().x, mask.box().y, mask.box().width, mask.box().height);
    }
    cairo_set_source_rgba(own.get(), 0, 0, 0, source.opacity);
    cairo_fill(own.get());
    cairo_set_operator(own.get(), CAIRO_OPERATOR_DEST_IN);
    cairo_set_source_surface(own.get(), mask.get(), 0, 0);
    cairo_paint(own.get());
    FIG_TRY(Check(own.get()));
    through = &cut;
  }
  cairo_set_operator(context, OperatorOf(blend));
  cairo_set_source(context, source.pattern.get());
  cairo_mask_surface(context, through->get(), 0, 0);
  cairo_set_operator(context, CAIRO_OPERATOR_OVER);
  return Nothing{};
}

fig::Outcome<Nothing> Shapes::Burn(const Surface& mask, const scene::Paint& paint, const Task& task) {
  FIG_TRY(layers_.Push(Layer::Purpose::kGroup, mask.box()));
  scene::Paint plain = paint;
  plain.blend = BlendMode::kNormal;
  const Extra no_blend{task.extra.opacity, BlendMode::kNormal};
  FIG_TRY(FillMask(mask, plain, {task.node, task.to_picture, no_blend}));
  const Layer layer = FIG_TRY(layers_.Pop());
  return layers_.PutDown(layer.surface, 1, BlendMode::kLinearBurn);
}

fig::Outcome<Nothing> Shapes::FillRun(const Run& run, const Task& task) {
  if (run.empty() || run.front()->paints == nullptr) return Nothing{};
  scene::Rect bounds;
  for (const scene::Shape* shape : run) bounds = scene::Union(bounds, scene::Bounds(task.to_picture * shape->to_node, shape->outline->bounds));
  const Box area = Intersection(BoxOf(bounds), layers_.top().Clip());
  if (area.empty()) return Nothing{};
  cairo_t* context = layers_.context();
  BeginPath(context, layers_.work());
  for (const scene::Shape* shape : run) AddShape(context, *shape, task.to_picture, layers_.work());
  FIG_TRY(layers_.work().Check());
  SetWinding(context, run.front()->winding);
  SetEdges(context, run.front()->glyph ? Edges::kSmooth : layers_.pixels().edges());  // hard letters cannot be read
  // What a later paint hides altogether would only show at the edges, where it does not belong.
  const scene::PaintList& paints = *run.front()->paints;
  const auto last = std::find_if(paints.rbegin(), paints.rend(), Hides);
  for (std::size_t i = last == paints.rend() ? 0 : static_cast<std::size_t>(paints.rend() - last) - 1; i < paints.size(); ++i) {
    FIG_TRY(FillPath(paints[i], task, area));
  }
  cairo_new_path(context);
  return Nothing{};
}

// Glyphs of one run are filled together: where they overlap they are no darker.
fig::Outcome<Nothing> Shapes::Fill(const scene::Node& node, const Matrix& to_picture, const Extra& extra) {
  const Task task{node, to_picture, extra};
  Run run;
  for (const scene::Shape& shape : node.fills) {
    const bool joins = !run.empty() && shape.glyph && run.back()->glyph && shape.paints == run.back()->paints;
    if (!joins) {
      FIG_TRY(FillRun(run, task));
      run.clear();
    }
    run.push_back(&shape);
  }
  return FillRun(run, task);
}

fig::Outcome<Nothing> Shapes::WholeStroke(const scene::Node& node, const Matrix& to_picture, const Extra& extra) {
  for (const scene::Shape& shape : node.strokes) FIG_TRY(FillRun({&shape}, {node, to_picture, extra}));
  return Nothing{};
}

fig::Outcome<Nothing> Shapes::Stroke(const scene::Node& node, const Matrix& to_picture) {
  const Extra none;
  const bool inside = node.stroke_align == scene::StrokeAlign::kInside, outside = node.stroke_align == scene::StrokeAlign::kOutside;
  if ((!inside && !outside) || node.clip_shapes.empty()) return WholeStroke(node, to_picture, none);
  if (const auto rectangle = RectangleOf(node.clip_shapes, to_picture); inside && rectangle) {
    const scene::Rect before = layers_.top().clip;
    layers_.ClipTo(*rectangle);
    FIG_TRY(WholeStroke(node, to_picture, none));
    layers_.Unclip(before);
    return Nothing{};
  }
  for (const scene::Shape& shape : node.strokes) FIG_TRY(StrokeOnSide(shape, {node, to_picture, none}));
  return Nothing{};
}

// The outline is twice as wide as the stroke: half of it is taken away.
fig::Outcome<Nothing> Shapes::StrokeOnSide(const scene::Shape& stroke, const Task& task) {
  if (stroke.paints == nullptr) return Nothing{};
  const scene::Node& node = task.node;
  const bool inside = node.stroke_align == scene::StrokeAlign::kInside;
  Box area = Intersection(BoxOf({stroke}, task.to_picture), layers_.top().Clip());
  if (inside) area = Intersection(area, BoxOf(node.clip_shapes, task.to_picture));
  if (area.empty()) return Nothing{};
  const Surface mask = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, area, layers_.pixels()));
  const ContextPtr context = mask.Draw();
  FillAll(context.get(), {stroke}, task.to_picture, layers_.work());
  if (inside) {
    const Surface side = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, area, layers_.pixels()));
    const ContextPtr own = side.Draw();
    FillAll(own.get(), node.clip_shapes, task.to_picture, layers_.work());
    FIG_TRY(Check(own.get()));
    cairo_set_operator(context.get(), CAIRO_OPERATOR_DEST_IN);
    cairo_set_source_surface(context.get(), side.get(), 0, 0);
    cairo_paint(context.get());
  } else {
    cairo_set_operator(context.get(), CAIRO_OPERATOR_DEST_OUT);
    FillAll(context.get(), node.clip_shapes, task.to_picture, layers_.work());
  }
  FIG_TRY(Check(context.get()));
  FIG_TRY(layers_.work().Check());
  for (const scene::Paint& paint : *stroke.paints) FIG_TRY(FillMask(mask, paint, task));
  return Nothing{};
}

}  // namespace raster
