#include "raster/painter.h"

#include <algorithm>
#include <cmath>

#include "raster/blur.h"
#include "raster/path.h"

namespace raster {
namespace {

using fig::Nothing;
using scene::Effect;
using scene::Matrix;
using scene::Node;

// Luminance takes the place of alpha: of what is there, so that nothing stays nothing.
void LuminanceToAlpha(Surface& surface) {
  unsigned char* bytes = surface.bytes();
  const Box& box = surface.box();
  for (int y = 0; y < box.height; ++y) {
    auto* row = reinterpret_cast<std::uint32_t*>(bytes + static_cast<std::ptrdiff_t>(y) * surface.stride());
    for (int x = 0; x < box.width; ++x) {
      const std::uint32_t p = row[x];
      const std::uint32_t luminance = (13933 * (p >> 16 & 0xff) + 46871 * (p >> 8 & 0xff) + 4732 * (p & 0xff) + 32768) >> 16;
      row[x] = luminance << 24;
    }
  }
  surface.Changed();
}

bool IsFinite(const Matrix& m) { return std::isfinite(m.xx + m.yx + m.xy + m.yy + m.x0 + m.y0); }

// One paint on one area and nothing else: opacity and mode of the node can be the paint's own.
bool IsSimple(const Node& node) {
  if (node.first_child != Node::kNone || !node.effects.empty() || node.fills.empty() == node.strokes.empty()) return false;
  const ShapeList& shapes = node.fills.empty() ? node.strokes : node.fills;
  if (node.fills.empty() && node.stroke_align != scene::StrokeAlign::kCenter) return false;
  const scene::PaintList* paints = shapes.front().paints;
  if (paints == nullptr || paints->size() != 1 || !IsPlain(paints->front().blend)) return false;
  return std::all_of(shapes.begin(), shapes.end(), [&](const scene::Shape& shape) { return shape.paints == paints && (shape.glyph || shapes.size() == 1); });
}

bool IsGroup(const Node& node, double blur) { return node.opacity < 1 || !IsPlain(node.blend) || blur > 0; }

// Inner shadows of a node without an area of its own lie on what its children show.
bool NeedsContent(const Node& node) {
  if (Has(node, Effect::Type::kDropShadow) && !HasOwnSilhouette(node)) return true;
  return Has(node, Effect::Type::kInnerShadow) && node.fills.empty();
}

}  // namespace

fig::Outcome<Nothing> Painter::PushLayers(const Node& node, const scene::Reach& reach, const Matrix& to_picture) {
  const double blur = LayerBlur(node, to_picture, budget_);
  const Box content = BoxOf(scene::Bounds(to_picture, reach.content));
  const int shadow_reach = ShadowReach(node, to_picture, budget_);
  const Box seen = Grown(layers_.top().Clip(), BlurReach(blur));
  if (IsGroup(node, blur)) FIG_TRY(layers_.Push(Layer::Purpose::kGroup, Intersection(Grown(content, shadow_reach + BlurReach(blur)), seen)));
  if (NeedsContent(node)) FIG_TRY(layers_.Push(Layer::Purpose::kContent, Intersection(content, Grown(seen, shadow_reach))));
  return Nothing{};
}

fig::Outcome<Nothing> Painter::PaintOwn(const Node& node, const Matrix& to_picture) {
  if (!NeedsContent(node) && Has(node, Effect::Type::kDropShadow)) FIG_TRY(effects_.DropShadows(node, to_picture, {node, to_picture}));
  if (StrokeLiesBelow(node)) FIG_TRY(shapes_.WholeStroke(node, to_picture, {}));
  FIG_TRY(shapes_.Fill(node, to_picture, {}));
  if (Has(node, Effect::Type::kInnerShadow) && !node.fills.empty()) {
    // Its fills alone: strokes and children lie above.
    Node fills;
    fills.fills = node.fills;
    fills.effects = node.effects;
    FIG_TRY(effects_.InnerShadows(fills, to_picture, {fills, to_picture}));
  }
  return Nothing{};
}

// A rectangle that lies straight is a clip of cairo's. For any other shape the children are painted onto a
// copy of what is below them, which takes its place where the shape is: they see what they mix with, each
// edge is smoothed once, and cairo intersects no polygons, which takes it very long for some.
fig::Outcome<Nothing> Painter::Clip(const Node& node, const scene::Reach& reach, Open& open) {
  if (!node.clips || node.first_child == Node::kNone || Holds(node.clip_shapes, reach.children)) return Nothing{};
  if (const auto rectangle = RectangleOf(node.clip_shapes, open.to_picture)) {
    open.clips = true;
    open.clip = layers_.top().clip;
    layers_.ClipTo(*rectangle);
    return Nothing{};
  }
  const Box box = Intersection(Intersection(BoxOf(node.clip_shapes, open.to_picture), BoxOf(scene::Bounds(open.to_picture, reach.children))), layers_.top().Clip());
  return layers_.Push(Layer::Purpose::kClipped, box);
}

fig::Outcome<Nothing> Painter::Enter(std::uint32_t index, const Matrix& parent) {
  const Node& node = scene_.nodes[index];
  Open open;
  open.node = index;
  open.next_child = node.first_child;
  open.to_picture = parent * node.transform;
  const Matrix& to_picture = open.to_picture;
  if (!IsFinite(to_picture) || !(node.opacity > 0)) return Nothing{};
  const int reach = std::max(ShadowReach(node, to_picture, budget_), BlurReach(LayerBlur(node, to_picture, budget_)));
  const Box box = Grown(BoxOf(scene::Bounds(to_picture, reaches_[index].full)), reach);
  if (Intersection(box, layers_.top().Clip()).empty()) return Nothing{};
  if (IsSimple(node)) {
    const Shapes::Extra extra{node.opacity, node.blend};
    return node.fills.empty() ? shapes_.WholeStroke(node, to_picture, extra) : shapes_.Fill(node, to_picture, extra);
  }
  FIG_TRY(effects_.BackgroundBlur(node, to_picture));
  open.layers = layers_.size();
  FIG_TRY(PushLayers(node, reaches_[index], to_picture));
  FIG_TRY(PaintOwn(node, to_picture));
  FIG_TRY(Clip(node, reaches_[index], open));
  open.own = layers_.size();
  open_.push_back(open);
  return Nothing{};
}

// The areas of a node and of all below it, whatever they are filled with.
void Painter::FillOutlines(std::uint32_t root, const Matrix& to_picture) {
  std::vector<std::pair<std::uint32_t, Matrix>> stack{{root, to_picture}};
  while (!stack.empty()) {
    const auto [index, matrix] = stack.back();
    stack.pop_back();
    const Node& node = scene_.nodes[index];
    if (!IsFinite(matrix)) continue;
    FillAll(layers_.context(), node.clip_shapes.empty() ? node.fills : node.clip_shapes, matrix, layers_.work());
    if (!node.clip_shapes.empty() && node.clips) continue;
    for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene_.nodes[child].next_sibling) {
      stack.emplace_back(child, matrix * scene_.nodes[child].transform);
    }
  }
}

fig::Outcome<Nothing> Painter::BeginMask(std::uint32_t index, Open& parent) {
  const Node& node = scene_.nodes[index];
  const Matrix to_picture = parent.to_picture * node.transform;
  scene::Rect reach = scene::Bounds(to_picture, reaches_[index].full);
  if (node.mask == scene::Mask::kOutline) reach = scene::Union(reach, BoundsOf(node.clip_shapes, to_picture));
  FIG_TRY(layers_.Push(Layer::Purpose::kMaskSource, Intersection(layers_.top().Clip(), BoxOf(reach))));
  parent.mask = index;
  if (node.mask != scene::Mask::kOutline) return Enter(index, Matrix(parent.to_picture));
  if (IsFinite(to_picture)) FillOutlines(index, to_picture);
  return Nothing{};
}

// The mask is whole: from here on the siblings go onto a layer of their own, and down through it.
fig::Outcome<Nothing> Painter::TakeMask(Open& parent) {
  Layer source = FIG_TRY(layers_.Pop());
  if (source.surface.box().empty()) {
    parent.mask = Node::kNone;
    parent.next_child = Node::kNone;  // it hides all of them
    return Nothing{};
  }
  if (scene_.nodes[parent.mask].mask == scene::Mask::kLuminance) LuminanceToAlpha(source.surface);
  parent.mask = Node::kNone;
  FIG_TRY(layers_.Push(Layer::Purpose::kMasked, source.surface.box()));
  layers_.top().mask = std::move(source.surface);
  return Nothing{};
}

fig::Outcome<Nothing> Painter::Step() {
  FIG_TRY(layers_.work().Check());
  Open& open = open_.back();
  if (open.mask != Node::kNone) FIG_TRY(TakeMask(open));
  if (open.next_child == Node::kNone) return Leave();
  const std::uint32_t index = open.next_child;
  const Node& child = scene_.nodes[index];
  open.next_child = child.next_sibling;
  layers_.work().Spend(Work::kNode);
  if (child.mask != scene::Mask::kNone) return BeginMask(index, open);
  return Enter(index, Matrix(open.to_picture));
}

// What was put on for the children: masked siblings, the clip.
fig::Outcome<Nothing> Painter::PopInner(const Open& open) {
  while (layers_.size() > open.own) {
    const Layer masked = FIG_TRY(layers_.Pop());
    layers_.PutDownThrough(masked.surface, *masked.mask);
  }
  if (open.clips) layers_.Unclip(open.clip);
  if (layers_.top().purpose != Layer::Purpose::kClipped || layers_.size() == open.layers) return Nothing{};
  const Layer clipped = FIG_TRY(layers_.Pop());
  const Surface mask = FIG_TRY(Surface::Make(CAIRO_FORMAT_A8, clipped.surface.box(), layers_.pixels()));
  const ContextPtr context = mask.Draw();
  FillAll(context.get(), scene_.nodes[open.node].clip_shapes, open.to_picture, layers_.work());
  FIG_TRY(Check(context.get()));
  return layers_.Become(clipped.surface, &mask);
}

// The layers that the node has for itself, from the top: content with its shadows, then the group.
fig::Outcome<Nothing> Painter::PopOwn(const Open& open) {
  const Node& node = scene_.nodes[open.node];
  while (layers_.size() > open.layers) {
    Layer layer = FIG_TRY(layers_.Pop());
    if (layer.purpose == Layer::Purpose::kContent) {
      if (layer.surface.box().empty()) continue;
      const Silhouette silhouette = FIG_TRY(Silhouette::Of(node, open.to_picture, layer.surface, layers_));
      FIG_TRY(effects_.DropShadows(node, open.to_picture, silhouette));
      FIG_TRY(layers_.PutDown(layer.surface, 1, scene::BlendMode::kNormal));
      if (node.fills.empty()) FIG_TRY(effects_.InnerShadows(node, open.to_picture, silhouette));
    } else {
      FIG_TRY(Blur(layer.surface, LayerBlur(node, open.to_picture, budget_), layers_.blur_tools()));
      FIG_TRY(layers_.PutDown(layer.surface, node.opacity, node.blend));
    }
  }
  return Nothing{};
}

fig::Outcome<Nothing> Painter::Leave() {
  const Open open = open_.back();
  open_.pop_back();
  FIG_TRY(PopInner(open));
  const Node& node = scene_.nodes[open.node];
  if (!StrokeLiesBelow(node)) FIG_TRY(shapes_.Stroke(node, open.to_picture));
  return PopOwn(open);
}

fig::Outcome<Surface> Painter::Paint(const Box& picture, const Matrix& to_picture) {
  FIG_TRY(layers_.Push(Layer::Purpose::kBase, picture));
  const scene::Colour& c = scene_.background;
  cairo_set_source_rgba(layers_.context(), c.r, c.g, c.b, c.a);
  cairo_paint(layers_.context());
  FIG_TRY(Enter(0, to_picture));
  while (!open_.empty()) FIG_TRY(Step());
  FIG_TRY(layers_.work().Check());
  Layer layer = FIG_TRY(layers_.Pop());
  return std::move(layer.surface);
}

}  // namespace raster
