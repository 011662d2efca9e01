#include "raster/painter.h"

#include <algorithm>
#include <cmath>

#include "raster/blur.h"
#include "raster/path.h"

namespace raster {
namespace {

using fig::Nothing;
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

Box BoxOf(const Matrix& to_picture, const scene::Rect& rect) { return Grown(RoundOut(scene::Bounds(to_picture, rect)), 1); }

}  // namespace

// One paint on one area and nothing else: its opacity and mode can be the paint's own.
bool Painter::IsSimple(const Node& node) const {
  if (node.first_child != Node::kNone || !node.effects.empty() || !node.strokes.empty() || node.fills.empty()) return false;
  const scene::PaintList* paints = node.fills.front().paints;
  if (paints == nullptr || paints->size() != 1 || !IsPlain(paints->front().blend)) return false;
  return std::all_of(node.fills.begin(), node.fills.end(),
                     [&](const scene::Shape& shape) { return shape.paints == paints && (shape.glyph || node.fills.size() == 1); });
}

fig::Outcome<Nothing> Painter::PushLayers(const Node& node, const scene::Reach& reach, const Matrix& to_picture) {
  const bool shadows = HasShadow(node, scene::Effect::Type::kDropShadow);
  const double blur = LayerBlur(node, to_picture, budget_);
  const bool group = node.opacity < 1 || !IsPlain(node.blend) || blur > 0;
  const Box content = BoxOf(to_picture, reach.content);
  const int shadow_reach = shadows ? ShadowReach(node, to_picture, budget_) : 0;
  Box seen = Grown(layers_.top().Clip(), BlurReach(blur));
  if (group) FIG_TRY(layers_.Push(Layer::Purpose::kGroup, Intersection(Grown(content, shadow_reach + BlurReach(blur)), seen)));
  if (shadows) FIG_TRY(layers_.Push(Layer::Purpose::kContent, Intersection(content, Grown(seen, shadow_reach))));
  return Nothing{};
}

fig::Outcome<Nothing> Painter::Enter(std::uint32_t index, const Matrix& parent) {
  const Node& node = scene_.nodes[index];
  const Matrix to_picture = parent * node.transform;
  const int reach = std::max(ShadowReach(node, to_picture, budget_), BlurReach(LayerBlur(node, to_picture, budget_)));
  const Box box = Grown(BoxOf(to_picture, reaches_[index].full), reach);
  if (Intersection(box, layers_.top().Clip()).empty()) return Nothing{};
  if (IsSimple(node)) return shapes_.Fill(node, to_picture, {node.opacity, node.blend});
  Open open{index, node.first_child, to_picture, layers_.size(), 0, false};
  FIG_TRY(effects_.BackgroundBlur(node, to_picture));
  FIG_TRY(PushLayers(node, reaches_[index], to_picture));
  FIG_TRY(shapes_.Fill(node, to_picture, {}));
  FIG_TRY(effects_.InnerShadows(node, to_picture));
  cairo_save(layers_.top().context.get());
  if (node.clips) ClipTo(layers_.top().context.get(), node.clip_shapes, to_picture);
  open.own = layers_.size();
  open_.push_back(open);
  return Nothing{};
}

fig::Outcome<Nothing> Painter::BeginMask(const Node& node, Open& parent) {
  const Box clip = layers_.top().Clip();
  FIG_TRY(layers_.Push(Layer::Purpose::kMaskSource, clip));
  parent.makes_mask = true;
  if (node.mask == scene::Mask::kOutline && !node.clip_shapes.empty()) {
    const Matrix to_picture = parent.to_picture * node.transform;
    FillAll(layers_.top().context.get(), node.clip_shapes, to_picture);
    return Nothing{};
  }
  return Enter(static_cast<std::uint32_t>(&node - scene_.nodes.data()), parent.to_picture);
}

// The mask is whole: from here on the siblings go onto a layer of their own, and down through it.
fig::Outcome<Nothing> Painter::TakeMask(const Open& parent) {
  Layer source = layers_.Pop();
  // Which of the children it was: the one before the next.
  std::uint32_t child = scene_.nodes[parent.node].first_child;
  while (scene_.nodes[child].next_sibling != parent.next_child) child = scene_.nodes[child].next_sibling;
  if (scene_.nodes[child].mask == scene::Mask::kLuminance) LuminanceToAlpha(source.surface);
  FIG_TRY(layers_.Push(Layer::Purpose::kMasked, source.surface.box()));
  layers_.top().mask = std::move(source.surface);
  return Nothing{};
}

fig::Outcome<Nothing> Painter::Step() {
  Open& open = open_.back();
  if (open.makes_mask) {
    open.makes_mask = false;
    FIG_TRY(TakeMask(open));
  }
  if (open.next_child == Node::kNone) return Leave();
  const std::uint32_t index = open.next_child;
  const Node& child = scene_.nodes[index];
  open.next_child = child.next_sibling;
  if (child.mask != scene::Mask::kNone) return BeginMask(child, open);
  return Enter(index, Matrix(open.to_picture));
}

// The layers that the node has for itself, from the top: content with its shadows, then the group.
fig::Outcome<Nothing> Painter::PopOwn(const Open& open) {
  const Node& node = scene_.nodes[open.node];
  while (layers_.size() > open.layers) {
    Layer layer = layers_.Pop();
    if (layer.purpose == Layer::Purpose::kContent) {
      FIG_TRY(effects_.DropShadows(node, open.to_picture, layer.surface));
      FIG_TRY(layers_.PutDown(layer.surface, 1, scene::BlendMode::kNormal));
    } else {
      FIG_TRY(layers_.Blur(layer.surface, LayerBlur(node, open.to_picture, budget_)));
      FIG_TRY(layers_.PutDown(layer.surface, node.opacity, node.blend));
    }
  }
  return Nothing{};
}

fig::Outcome<Nothing> Painter::Leave() {
  const Open open = open_.back();
  open_.pop_back();
  while (layers_.size() > open.own) {
    const Layer masked = layers_.Pop();
    cairo_t* below = layers_.top().context.get();
    cairo_set_source_surface(below, masked.surface.get(), 0, 0);
    cairo_mask_surface(below, masked.mask->get(), 0, 0);
  }
  cairo_restore(layers_.top().context.get());
  FIG_TRY(shapes_.Stroke(scene_.nodes[open.node], open.to_picture));
  FIG_TRY(PopOwn(open));
  const cairo_status_t status = cairo_status(layers_.top().context.get());
  if (status != CAIRO_STATUS_SUCCESS) return CairoFault(status);
  return Nothing{};
}

fig::Outcome<Surface> Painter::Paint(const Box& picture, const Matrix& to_picture) {
  FIG_TRY(layers_.Push(Layer::Purpose::kBase, picture));
  cairo_t* base = layers_.top().context.get();
  const scene::Colour& c = scene_.background;
  cairo_set_source_rgba(base, c.r, c.g, c.b, c.a);
  cairo_paint(base);
  FIG_TRY(Enter(0, to_picture));
  while (!open_.empty()) FIG_TRY(Step());
  Layer layer = layers_.Pop();
  // Its budget goes with this painter; the surface itself is the caller's.
  return std::move(layer.surface);
}

}  // namespace raster
