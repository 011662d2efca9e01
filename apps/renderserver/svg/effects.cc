#include "svg/effects.h"

#include <algorithm>
#include <cmath>

#include "svg/extent.h"
#include "svg/number.h"

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

std::string Gaussian(double radius, const char* in) {
  if (!(radius > 0)) return "";
  return "<feGaussianBlur" + (in[0] != '\0' ? Attribute("in", in) : "") + Attribute("stdDeviation", LimitedRadius(radius) / 2) + "/>";
}

std::string Offset(const scene::Point& offset, const char* in) {
  std::string text = "<feOffset" + (in[0] != '\0' ? Attribute("in", in) : "");
  if (ToSteps(offset.x, kMostDecimals) != 0) text += Attribute("dx", offset.x);
  if (ToSteps(offset.y, kMostDecimals) != 0) text += Attribute("dy", offset.y);
  return text + "/>";
}

std::string Morphology(double spread) {
  if (ToSteps(spread, kMostDecimals) == 0) return "";
  return "<feMorphology in=\"SourceAlpha\"" + Attribute("operator", spread > 0 ? "dilate" : "erode") +
         Attribute("radius", std::abs(LimitedRadius(spread))) + "/>";
}

// Alpha times a colour.
std::string Coloured(const scene::Colour& colour) {
  std::string values;
  for (const float channel : {colour.r, colour.g, colour.b}) values += "0 0 0 0 " + Number(channel, 4) + " ";
  return "<feColorMatrix" + Attribute("values", values + "0 0 0 " + Number(colour.a, 4) + " 0") + "/>";
}

std::string DropShadow(const Effect& effect) {
  const std::string spread = Morphology(effect.spread);
  std::string text = spread + Offset(effect.offset, spread.empty() ? "SourceAlpha" : "") + Gaussian(effect.radius, "");
  if (!effect.show_behind_node) text += "<feComposite in2=\"SourceAlpha\" operator=\"out\"/>";
  return text + Coloured(effect.colour);
}

// What the moved and blurred silhouette leaves of the real one.
std::string InnerShadow(const Effect& effect) {
  const std::string spread = Morphology(-effect.spread);
  std::string text = spread + Offset(effect.offset, spread.empty() ? "SourceAlpha" : "") + Gaussian(effect.radius, "");
  text += "<feComposite in=\"SourceAlpha\" operator=\"out\"" + Attribute("in2", "moved") + "/>";
  // The result of the step before needs a name for that.
  text.insert(text.rfind("/><feComposite"), Attribute("result", "moved"));
  return text + Coloured(effect.colour);
}

}  // namespace

std::string ShadowFilter(const Effect& effect, const Rect& source, const Rect& visible, Markup* markup) {
  const bool inner = effect.type == Effect::Type::kInnerShadow;
  const double reach = std::max(0.0, LimitedRadius(inner ? -effect.spread : effect.spread)) + BlurReach(effect.radius) +
                       std::hypot(effect.offset.x, effect.offset.y);
  // Where an inner shadow is to be seen, the silhouette's surroundings count, which are empty.
  const Rect covered = inner ? Grown(source, 1) : scene::Union(source, ShadowExtent(effect, source));
  return Filter(scene::Intersection(covered, Grown(visible, reach)), inner ? InnerShadow(effect) : DropShadow(effect), markup);
}

std::string BlurFilter(double radius, const Rect& source, const Rect& visible, Markup* markup) {
  const double reach = BlurReach(radius);
  return Filter(scene::Intersection(Grown(source, reach), Grown(visible, reach)), Gaussian(radius, ""), markup);
}

}  // namespace svg
