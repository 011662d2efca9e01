#include "svg/effects.h"

#include <algorithm>
#include <cmath>

#include "svg/extent.h"
#include "svg/number.h"
#include "svg/paint.h"

namespace svg {
namespace {

using scene::Effect;
using scene::Rect;

// The whole filter. Regions are rounded outwards: no pixel of them is cut at a fraction.
std::string Filter(const Rect& region, const std::string& primitives, Markup* markup) {
  if (region.empty()) return "";
  const double left = std::floor(region.x), top = std::floor(region.y);
  std::string tail = " filterUnits=\"userSpaceOnUse\"" + Attribute("x", left) + Attribute("y", top);
  tail += Attribute("width", std::ceil(region.x + region.width) - left);
  tail += Attribute("height", std::ceil(region.y + region.height) - top);
  tail += " color-interpolation-filters=\"sRGB\">" + primitives + "</filter>";
  return Reference(markup->Define("f", "<filter", tail));
}

// The silhouette, moved and blurred; its last step is called "b".
std::string MovedAndBlurred(const Effect& effect) {
  std::string text = "<feOffset in=\"SourceAlpha\"";
  if (ToSteps(effect.offset.x, kMostDecimals) != 0) text += Attribute("dx", effect.offset.x);
  if (ToSteps(effect.offset.y, kMostDecimals) != 0) text += Attribute("dy", effect.offset.y);
  if (effect.radius > 0) text += "/><feGaussianBlur" + Attribute("stdDeviation", LimitedRadius(effect.radius) / 2);
  return text + " result=\"b\"/>";
}

std::string Flood(const scene::Colour& colour) {
  std::string text = "<feFlood" + Attribute("flood-color", Hex(colour));
  const std::string opacity = Number(colour.a, 4);
  return text + (opacity == "1" ? "" : Attribute("flood-opacity", opacity)) + "/>";
}

double Reach(const Effect& effect) { return BlurReach(effect.radius) + std::hypot(effect.offset.x, effect.offset.y); }

}  // namespace

std::string DropShadowFilter(const Effect& effect, Under under, const Rect& source, const Rect& visible, Markup* markup) {
  std::string primitives = MovedAndBlurred(effect) + Flood(effect.colour) + "<feComposite in2=\"b\" operator=\"in\"/>";
  if (under == Under::kCutOut) primitives += "<feComposite in2=\"SourceAlpha\" operator=\"out\"/>";
  const Rect covered = scene::Union(source, Moved(Grown(source, BlurReach(effect.radius)), effect.offset));
  return Filter(scene::Intersection(covered, Grown(visible, Reach(effect))), primitives, markup);
}

std::string InnerShadowFilter(const Effect& effect, const Rect& source, const Rect& visible, Markup* markup) {
  const std::string primitives = MovedAndBlurred(effect) + Flood(effect.colour) + "<feComposite in2=\"b\" operator=\"out\"/>";
  return Filter(scene::Intersection(Grown(source, 1), Grown(visible, Reach(effect))), primitives, markup);
}

std::string BlurFilter(double radius, const Rect& source, const Rect& visible, Markup* markup) {
  const double reach = BlurReach(radius);
  if (!(radius > 0)) return "";
  return Filter(scene::Intersection(Grown(source, reach), Grown(visible, reach)),
                "<feGaussianBlur" + Attribute("stdDeviation", LimitedRadius(radius) / 2) + "/>", markup);
}

}  // namespace svg
