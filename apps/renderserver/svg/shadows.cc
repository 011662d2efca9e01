#include "svg/shadows.h"

#include <algorithm>
#include <cmath>

#include "svg/effects.h"
#include "svg/number.h"
#include "svg/paint.h"

namespace svg {
namespace {

using scene::Effect;
using scene::Node;
using scene::Rect;
using scene::Shape;

double Spread(const Effect& effect) {
  return ToSteps(effect.spread, kMostDecimals) == 0 ? 0 : LimitedRadius(effect.spread);
}

bool IsOpaque(const Shape& shape) {
  if (shape.paints == nullptr) return false;
  return std::any_of(shape.paints->begin(), shape.paints->end(), [](const scene::Paint& paint) {
    return paint.type == scene::PaintType::kSolid && paint.colour.a >= 1 && paint.opacity >= 1;
  });
}

// Whether what the node shows is just where its fills are: a filter can cut that out by itself.
bool ShowsOnlyItsFills(const Node& node) {
  return node.first_child == Node::kNone && node.strokes.empty() && std::all_of(node.fills.begin(), node.fills.end(), IsOpaque);
}

std::string Style(scene::BlendMode blend) {
  const std::string style = BlendStyle(blend);
  return style.empty() ? "" : Attribute("style", style);
}

}  // namespace

bool HasEffect(const Node& node, Effect::Type type) {
  return std::any_of(node.effects.begin(), node.effects.end(), [type](const Effect& effect) { return effect.type == type; });
}

void Shadows::Drop(const Node& node, const Extent& extent, const std::string& content) {
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kDropShadow) DropOne(effect, node, extent, content);
  }
}

void Shadows::DropOne(const Effect& effect, const Node& node, const Extent& extent, const std::string& content) {
  const double spread = node.fills.empty() ? 0 : Spread(effect);
  const Rect source = Grown(extent.content, std::max(0.0, spread));
  const bool by_itself = node.fills.empty() || (spread == 0 && ShowsOnlyItsFills(node));
  const Under under = !effect.show_behind_node && by_itself ? Under::kCutOut : Under::kShown;
  const std::string filter = DropShadowFilter(effect, under, source, extent.visible, markup_);
  if (filter.empty()) return;
  std::string attributes = Attribute("filter", filter) + Style(effect.blend);
  if (!effect.show_behind_node && !by_itself) {
    attributes += Attribute("mask", shapes_->Outside(node.fills, Grown(ShadowExtent(effect, extent.content), 1)));
  }
  const std::string use = "<use" + Attribute("xlink:href", "#" + content);
  if (spread == 0) {
    markup_->Add(use + attributes + "/>");
  } else if (spread > 0) {
    markup_->Add("<g" + attributes + ">" + use + "/>" + Band(node.fills, spread) + "</g>");
  } else {
    markup_->Add("<g" + attributes + "><g" + Attribute("mask", Without(node.fills, spread, source)) + ">" + use + "/></g></g>");
  }
}

void Shadows::Inner(const Node& node, const Extent& extent) {
  if (node.fills.empty()) return;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kInnerShadow) InnerOne(effect, node, extent);
  }
}

void Shadows::InnerOne(const Effect& effect, const Node& node, const Extent& extent) {
  const Rect area = ShapesExtent(node.fills);
  const std::string filter = InnerShadowFilter(effect, area, extent.visible, markup_);
  const std::string clip = filter.empty() ? "" : shapes_->Clip(node.fills);
  if (clip.empty()) return;
  const double spread = Spread(effect);
  markup_->Add("<g" + Attribute("filter", filter) + Attribute("clip-path", clip) + Style(effect.blend) + ">");
  if (spread > 0) markup_->Add("<g" + Attribute("mask", Without(node.fills, spread, Grown(area, 1))) + ">");
  shapes_->Silhouette(node.fills);
  if (spread > 0) markup_->Add("</g>");
  if (spread < 0) markup_->Add(Band(node.fills, spread));
  markup_->Add("</g>");
}

// The edges of the shapes, as wide as the spread on either side.
std::string Shadows::Band(const std::vector<Shape>& shapes, double spread) {
  return "<g fill=\"none\" stroke=\"#000\" stroke-miterlimit=\"10\"" + Attribute("stroke-width", 2 * std::abs(spread)) + ">" +
         shapes_->Elements(shapes) + "</g>";
}

// A mask that takes that band away.
std::string Shadows::Without(const std::vector<Shape>& shapes, double spread, const Rect& area) {
  const std::string box = BoxAttributes(area);
  return Reference(markup_->Define("m", "<mask", " maskUnits=\"userSpaceOnUse\"" + box + "><rect" + box + Attribute("fill", "#fff") + "/>" +
                                                     Band(shapes, spread) + "</mask>"));
}

}  // namespace svg
