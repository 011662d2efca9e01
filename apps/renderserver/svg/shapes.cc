#include "svg/shapes.h"

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

// One paint that a group can hand down to the shapes in it.
bool IsInheritable(const PaintList* paints) {
  return paints != nullptr && paints->size() == 1 && paints->front().type == scene::PaintType::kSolid &&
         BlendStyle(paints->front().blend).empty();
}

std::string StyleAttribute(const std::string& style) { return style.empty() ? "" : Attribute("style", style); }

}  // namespace

Shapes::Shapes(const scene::Scene& scene, Markup* markup, Images* images) : markup_(markup), images_(images) {
  for (const scene::Node& node : scene.nodes) {
    Count(node.fills, true);
    Count(node.strokes, true);
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

void Shapes::Paint(const std::vector<Shape>& shapes, const scene::Rect& node) {
  for (std::size_t i = 0; i < shapes.size() && !markup_->over();) i += PaintRun(shapes, i, node);
}

void Shapes::PaintAsOne(const std::vector<Shape>& shapes, const std::string& attributes) {
  const Shape& shape = shapes.front();
  markup_->Add(Element(shape, "fill-rule", true) + attributes + PlainFill(shape.paints->front(), markup_) + "/>");
}

// Shapes that share one colour, as the letters of a word do, get it from a group. Returns how many.
std::size_t Shapes::PaintRun(const std::vector<Shape>& shapes, std::size_t first, const scene::Rect& node) {
  const PaintList* paints = shapes[first].paints;
  if (paints == nullptr) return 1;
  std::size_t end = first;
  if (IsInheritable(paints)) {
    while (end < shapes.size() && shapes[end].paints == paints) ++end;
  }
  if (end <= first + 1) {
    for (const scene::Paint& paint : *paints) PaintShape(shapes[first], paint, node);
    return 1;
  }
  markup_->Add("<g" + PlainFill(paints->front(), markup_) + ">");
  for (std::size_t i = first; i < end && !markup_->over(); ++i) {
    if (Drawn(shapes[i])) markup_->Add(Element(shapes[i], "fill-rule", false) + "/>");
  }
  markup_->Add("</g>");
  return end - first;
}

void Shapes::PaintShape(const Shape& shape, const scene::Paint& paint, const scene::Rect& node) {
  if (!Drawn(shape)) return;
  if (!IsPlain(paint)) return PaintSheet(shape, paint, node);
  const bool gradient = paint.type != scene::PaintType::kSolid;
  markup_->Add(Element(shape, "fill-rule", gradient) + StyleAttribute(BlendStyle(paint.blend)) + PlainFill(paint, markup_) + "/>");
}

// What a fill attribute cannot say: a sheet, or an image, seen through a clip.
void Shapes::PaintSheet(const Shape& shape, const scene::Paint& paint, const scene::Rect& node) {
  const scene::Rect area = scene::Bounds(shape.to_node, shape.outline->bounds);
  std::string content;
  if (paint.type == scene::PaintType::kImage) {
    content = images_->Content(paint, node, area);
  } else {
    content = "<use" + GradientSheet(paint, area, markup_) + "/>";
  }
  if (content.empty()) return;
  std::string group = "<g" + StyleAttribute(BlendStyle(paint.blend));
  const std::string opacity = Number(paint.opacity, 4);
  if (opacity != "1") group += Attribute("opacity", opacity);
  group += Attribute("clip-path", Clip({shape})) + ">";
  markup_->Add(group);
  markup_->Add(content);
  markup_->Add("</g>");
}

void Shapes::Silhouette(const std::vector<Shape>& shapes, const std::string& attributes) {
  for (const Shape& shape : shapes) {
    if (Drawn(shape) && !markup_->over()) markup_->Add(Element(shape, "fill-rule", false) + attributes + "/>");
  }
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
  const std::string box = Attribute("x", area.x) + Attribute("y", area.y) + Attribute("width", area.width) + Attribute("height", area.height);
  std::string content = " maskUnits=\"userSpaceOnUse\"" + box + "><rect" + box + Attribute("fill", "#fff") + "/>";
  for (const Shape& shape : shapes) {
    if (Drawn(shape)) content += Element(shape, "fill-rule", false) + "/>";
  }
  return Reference(markup_->Define("m", "<mask", content + "</mask>"));
}

}  // namespace svg
