#include "svg/shapes.h"

#include "svg/extent.h"
#include "svg/number.h"
#include "svg/paint.h"
#include "svg/path.h"

namespace svg {
namespace {

using scene::Matrix;
using scene::PaintList;
using scene::Shape;
using scene::Winding;

constexpr std::uint64_t kShortOutline = 16;  // numbers and commands: a reference would not be shorter

bool Drawn(const Shape& shape) { return shape.outline != nullptr && !shape.outline->commands.empty(); }

bool Moves(const Matrix& matrix) {
  return ToSteps(matrix.x0, kMostDecimals) != 0 || ToSteps(matrix.y0, kMostDecimals) != 0;
}

std::string StyleAttribute(const std::string& style) { return style.empty() ? "" : Attribute("style", style); }

}  // namespace

Shapes::Shapes(const scene::Scene& scene, Markup* markup, Images* images) : markup_(markup), images_(images) {
  for (const scene::Node& node : scene.nodes) {
    Count(node.fills, true);
    Count(node.strokes, true);
    for (std::size_t i = 0; i < node.effects.size(); ++i) Count(node.fills, false);  // of shadows: twice at least, or nearly
    const bool sided = !node.strokes.empty() && node.stroke_align != scene::StrokeAlign::kCenter;
    if (sided || (node.clips && node.first_child != scene::Node::kNone)) {
      Count(node.clip_shapes, false);
    }
  }
}

Shapes::Key Shapes::KeyOf(const Shape& shape) {
  return {shape.outline, {shape.to_node.xx, shape.to_node.yx, shape.to_node.xy, shape.to_node.yy}};
}

void Shapes::Count(const std::vector<Shape>& shapes, bool painted) {
  for (const Shape& shape : shapes) {
    if (!Drawn(shape) || LeastLength(*shape.outline) <= kShortOutline) continue;
    known_[KeyOf(shape)].uses += painted && shape.paints != nullptr ? shape.paints->size() : 1;
  }
}

std::string Shapes::Element(const Shape& shape, const char* rule, bool fixed) {
  const std::string winding = shape.winding == Winding::kOdd ? Attribute(rule, "evenodd") : "";
  const auto place = known_.find(KeyOf(shape));
  const bool shared = place != known_.end() && place->second.uses > 1 && !(fixed && Moves(shape.to_node));
  if (!markup_->Has(shared && !place->second.id.empty() ? 1 : LeastLength(*shape.outline))) return "<path";
  if (!shared) return "<path" + winding + Attribute("d", PathData(*shape.outline, shape.to_node));
  Matrix linear = shape.to_node;
  linear.x0 = linear.y0 = 0;
  if (place->second.id.empty()) {
    place->second.id = markup_->Define("o", "<path", Attribute("d", PathData(*shape.outline, linear)) + "/>");
  }
  std::string text = "<use" + winding + Attribute("xlink:href", "#" + place->second.id);
  if (ToSteps(shape.to_node.x0, kMostDecimals) != 0) text += Attribute("x", shape.to_node.x0);
  if (ToSteps(shape.to_node.y0, kMostDecimals) != 0) text += Attribute("y", shape.to_node.y0);
  return text;
}

bool Shapes::IsOneElement(const std::vector<Shape>& shapes) {
  return shapes.size() == 1 && Drawn(shapes.front()) && shapes.front().paints != nullptr && shapes.front().paints->size() == 1 &&
         BlendStyle(shapes.front().paints->front().blend).empty() && IsPlain(shapes.front().paints->front());
}

// Letters of one run are painted together: where they overlap they are no darker.
void Shapes::Paint(const std::vector<Shape>& shapes, const scene::Rect& node) {
  Run run;
  for (const Shape& shape : shapes) {
    if (markup_->over()) return;
    if (!Drawn(shape) || shape.paints == nullptr) continue;
    if (!run.empty() && !(shape.glyph && run.back().glyph && shape.paints == run.back().paints)) {
      PaintRun(run, node);
      run.clear();
    }
    run.push_back(shape);
  }
  if (!run.empty()) PaintRun(run, node);
}

void Shapes::PaintAsOne(const std::vector<Shape>& shapes, const std::string& attributes) {
  const Shape& shape = shapes.front();
  markup_->Add(Element(shape, "fill-rule", true) + attributes + PlainFill(shape.paints->front(), markup_) + "/>");
}

void Shapes::PaintRun(const Run& run, const scene::Rect& node) {
  for (const scene::Paint& paint : *run.front().paints) PaintOne(run, paint, node);
}

void Shapes::PaintOne(const Run& run, const scene::Paint& paint, const scene::Rect& node) {
  if (!IsPlain(paint)) return PaintSheet(run, paint, node);
  const bool gradient = paint.type != scene::PaintType::kSolid;
  if (run.size() == 1) {
    markup_->Add(Element(run.front(), "fill-rule", gradient) + StyleAttribute(BlendStyle(paint.blend)) + PlainFill(paint, markup_) + "/>");
    return;
  }
  // The group hands its colour down, and is transparent as a whole.
  scene::Paint opaque = paint;
  const double opacity = paint.opacity * (gradient ? 1 : paint.colour.a);
  opaque.opacity = opaque.colour.a = 1;
  markup_->Add("<g" + StyleAttribute(BlendStyle(paint.blend)) + OpacityAttribute("opacity", opacity) + PlainFill(opaque, markup_) + ">");
  for (const Shape& shape : run) markup_->Add(Element(shape, "fill-rule", gradient) + "/>");
  markup_->Add("</g>");
}

// What a fill attribute cannot say: a sheet, or an image, seen through a clip.
void Shapes::PaintSheet(const Run& run, const scene::Paint& paint, const scene::Rect& node) {
  const scene::Rect area = ShapesExtent(run);
  const std::string content = paint.type == scene::PaintType::kImage ? images_->Content(paint, node, area)
                                                                     : "<use" + GradientSheet(paint, area, markup_) + "/>";
  if (content.empty()) return;
  markup_->Add("<g" + StyleAttribute(BlendStyle(paint.blend)) + OpacityAttribute("opacity", paint.opacity) +
               Attribute("clip-path", Clip(run)) + ">");
  markup_->Add(content);
  markup_->Add("</g>");
}

std::string Shapes::Elements(const std::vector<Shape>& shapes) {
  std::string text;
  for (const Shape& shape : shapes) {
    if (Drawn(shape) && markup_->Has(text.size())) text += Element(shape, "fill-rule", false) + "/>";
  }
  return text;
}

std::string Shapes::Clip(const std::vector<Shape>& shapes) {
  std::string content;
  for (const Shape& shape : shapes) {
    if (Drawn(shape)) content += Element(shape, "clip-rule", false) + "/>";
  }
  if (content.empty()) return "";
  return Reference(markup_->Define("c", "<clipPath", ">" + content + "</clipPath>"));
}

std::string Shapes::Outside(const std::vector<Shape>& shapes, const scene::Rect& area) {
  const std::string box = BoxAttributes(area);
  std::string content = " maskUnits=\"userSpaceOnUse\"" + box + "><rect" + box + Attribute("fill", "#fff") + "/>";
  content += Elements(shapes);
  return Reference(markup_->Define("m", "<mask", content + "</mask>"));
}

}  // namespace svg
