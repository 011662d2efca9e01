#include "svg/paint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "svg/number.h"

namespace svg {
namespace {

using scene::Colour;
using scene::ColourStop;
using scene::Matrix;
using scene::Paint;
using scene::PaintType;

constexpr int kAlphaDecimals = 4;  // finer than half a step of eight bits

double Unit(double value) { return value > 0 ? std::min(value, 1.0) : 0; }

// ---- linear and radial ----------------------------------------------------------------------------

std::string Stops(const std::vector<ColourStop>& stops) {
  std::string text;
  for (const ColourStop& stop : stops) {
    text += "<stop";
    text += Attribute("offset", Number(Unit(stop.position), kMostDecimals));
    text += Attribute("stop-color", Hex(stop.colour));
    text += OpacityAttribute("stop-opacity", stop.colour.a) + "/>";
  }
  return text;
}

std::string GradientReference(const Paint& paint, Markup* markup) {
  const bool linear = paint.type == PaintType::kGradientLinear;
  const Matrix to_axis = linear ? Matrix{1, 0, 0, 1, 0, .5} : Matrix{.5, 0, 0, .5, .5, .5};
  std::string tail = " gradientUnits=\"userSpaceOnUse\"";
  tail += linear ? " x1=\"0\" y1=\"0\" x2=\"1\" y2=\"0\"" : " cx=\"0\" cy=\"0\" r=\"1\"";
  tail += TransformAttribute("gradientTransform", paint.to_node * to_axis) + ">";
  tail += Stops(paint.stops);
  tail += linear ? "</linearGradient>" : "</radialGradient>";
  return Reference(markup->Define("g", linear ? "<linearGradient" : "<radialGradient", tail));
}

// ---- sheets ---------------------------------------------------------------------------------------

// The stops without their alpha, or with nothing but it, as grey.
std::vector<ColourStop> Opaque(std::vector<ColourStop> stops) {
  for (ColourStop& stop : stops) stop.colour.a = 1;
  return stops;
}
std::vector<ColourStop> AlphaAsGrey(std::vector<ColourStop> stops) {
  for (ColourStop& stop : stops) stop.colour = {stop.colour.a, stop.colour.a, stop.colour.a, 1};
  return stops;
}

float Between(float a, float b, double part) { return static_cast<float>(a + (b - a) * part); }

Colour Between(const Colour& a, const Colour& b, double part) {
  return {Between(a.r, b.r, part), Between(a.g, b.g, part), Between(a.b, b.b, part), 1};
}

struct Wedge {
  double from = 0, to = 0;  // parts of the turn
  Colour colour;
};

// As many as eight bits can tell apart between two stops, and at least eight to a turn.
void AddWedges(const ColourStop& a, const ColourStop& b, std::vector<Wedge>* wedges) {
  const double from = Unit(a.position), to = Unit(b.position);
  if (!(to > from)) return;
  const double difference = std::max({std::abs(Unit(a.colour.r) - Unit(b.colour.r)), std::abs(Unit(a.colour.g) - Unit(b.colour.g)),
                                      std::abs(Unit(a.colour.b) - Unit(b.colour.b))});
  const double count = std::max({1.0, std::ceil(difference * 255), std::ceil((to - from) * 8)});
  for (double i = 0; i < count; ++i) {
    const double width = (to - from) / count;
    wedges->push_back({from + width * i, from + width * (i + 1), Between(a.colour, b.colour, (i + .5) / count)});
  }
}

std::vector<Wedge> WedgesOf(const std::vector<ColourStop>& stops) {
  std::vector<Wedge> wedges;
  ColourStop last = stops.front();
  last.position = 0;
  for (const ColourStop& stop : stops) {
    AddWedges(last, stop, &wedges);
    last = stop;
  }
  ColourStop end = last;
  end.position = 1;
  AddWedges(last, end, &wedges);
  return wedges;
}

// A triangle from the origin, long enough to hold the sector of that radius.
std::string WedgePath(double from, double to, double radius, const Colour& colour) {
  const double reach = radius / std::cos((to - from) * std::numbers::pi);
  std::string text = "<path d=\"M0 0";
  for (const double turn : {from, to}) {
    const double angle = turn * 2 * std::numbers::pi;
    text += turn == from ? "L" : " ";
    AppendNumber(reach * std::cos(angle), &text);
    text += ' ';
    AppendNumber(reach * std::sin(angle), &text);
  }
  return text + "z\"" + SolidFill(colour, 1) + "/>";
}

// Each wedge reaches below the next one, so that no background shows in the seam; the last one is
// painted first as well, below the start.
std::string AngularSheet(const std::vector<ColourStop>& stops, double radius) {
  const std::vector<Wedge> wedges = WedgesOf(stops);
  const Wedge& last = wedges.back();
  std::string text = ">" + WedgePath(last.from, 1 + 1.0 / 64, radius, last.colour);
  for (std::size_t i = 0; i < wedges.size(); ++i) {
    const double to = i + 1 < wedges.size() ? wedges[i + 1].to : 1;
    text += WedgePath(wedges[i].from, to, radius, wedges[i].colour);
  }
  return text + "</g>";
}

// |x| + |y| is the largest of the four planes, each of which is a linear gradient: every one is
// painted a quarter further than it is seen, so that seams lie on the same colour.
std::string DiamondSheet(const std::vector<ColourStop>& stops, double radius, Markup* markup) {
  struct Quarter {
    int x, y;                  // the direction it rises in
    double left, top, width, height;
  };
  const double r = radius;
  const std::array<Quarter, 4> quarters = {{
      {1, 1, -r, -r, 2 * r, 2 * r}, {-1, 1, -r, -r, r, 2 * r}, {1, -1, -r, -r, 2 * r, r}, {-1, -1, -r, -r, r, r}}};
  std::string text = ">";
  for (const Quarter& quarter : quarters) {
    std::string tail = " gradientUnits=\"userSpaceOnUse\" x1=\"0\" y1=\"0\"";
    tail += Attribute("x2", quarter.x * .5) + Attribute("y2", quarter.y * .5) + ">" + Stops(stops) + "</linearGradient>";
    text += "<rect" + Attribute("x", quarter.left) + Attribute("y", quarter.top) + Attribute("width", quarter.width) +
            Attribute("height", quarter.height) + Attribute("fill", Reference(markup->Define("g", "<linearGradient", tail))) + "/>";
  }
  return text + "</g>";
}

std::string SheetOf(PaintType type, const std::vector<ColourStop>& stops, double radius, Markup* markup) {
  return markup->Define("s", "<g", type == PaintType::kGradientAngular ? AngularSheet(stops, radius) : DiamondSheet(stops, radius, markup));
}

// How far `area` reaches from the gradient's centre, in its radii: rounded up to a power of two, so
// that shapes of one node share a sheet.
double Reach(const Matrix& to_centre, const scene::Rect& area) {
  Matrix inverse;
  if (!scene::Invert(to_centre, &inverse)) return 1;
  double farthest = 1;
  for (const double x : {area.x, area.x + area.width}) {
    for (const double y : {area.y, area.y + area.height}) {
      const scene::Point corner = scene::Apply(inverse, {x, y});
      farthest = std::max(farthest, std::hypot(corner.x, corner.y));
    }
  }
  return std::exp2(std::ceil(std::log2(std::min(farthest, 1e6))));
}

}  // namespace

std::string OpacityAttribute(std::string_view name, double opacity) {
  const std::string text = Number(Unit(opacity), kAlphaDecimals);
  return text == "1" ? "" : Attribute(name, text);
}

std::string Hex(const Colour& colour) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<unsigned, 3> bytes{};
  const std::array<float, 3> channels = {colour.r, colour.g, colour.b};
  for (std::size_t i = 0; i < 3; ++i) bytes[i] = static_cast<unsigned>(std::lround(Unit(channels[i]) * 255));
  const bool brief = std::all_of(bytes.begin(), bytes.end(), [](unsigned byte) { return byte % 17 == 0; });
  std::string text = "#";
  for (const unsigned byte : bytes) {
    text += kDigits[byte >> 4];
    if (!brief) text += kDigits[byte & 15];
  }
  return text;
}

std::string SolidFill(const Colour& colour, double opacity) {
  const std::string hex = Hex(colour);
  return (hex == "#000" ? "" : Attribute("fill", hex)) + OpacityAttribute("fill-opacity", Unit(colour.a) * Unit(opacity));
}

std::string BlendStyle(scene::BlendMode blend) {
  using enum scene::BlendMode;
  const char* word = nullptr;
  switch (blend) {
    case kPassThrough:
    case kNormal: return "";
    case kDarken: word = "darken"; break;
    case kMultiply: word = "multiply"; break;
    case kLinearBurn: word = "multiply"; break;  // there is none; of what there is the nearest
    case kColorBurn: word = "color-burn"; break;
    case kLighten: word = "lighten"; break;
    case kScreen: word = "screen"; break;
    case kLinearDodge: word = "screen;mix-blend-mode:plus-lighter"; break;  // the last that a viewer knows
    case kColorDodge: word = "color-dodge"; break;
    case kOverlay: word = "overlay"; break;
    case kSoftLight: word = "soft-light"; break;
    case kHardLight: word = "hard-light"; break;
    case kDifference: word = "difference"; break;
    case kExclusion: word = "exclusion"; break;
    case kHue: word = "hue"; break;
    case kSaturation: word = "saturation"; break;
    case kColor: word = "color"; break;
    case kLuminosity: word = "luminosity"; break;
  }
  return std::string("mix-blend-mode:") + word;
}

bool IsPlain(const Paint& paint) {
  return paint.type == PaintType::kSolid || paint.type == PaintType::kGradientLinear || paint.type == PaintType::kGradientRadial;
}

std::string PlainFill(const Paint& paint, Markup* markup) {
  if (paint.type == PaintType::kSolid) return SolidFill(paint.colour, paint.opacity);
  return Attribute("fill", GradientReference(paint, markup)) + OpacityAttribute("fill-opacity", paint.opacity);
}

std::string GradientSheet(const Paint& paint, const scene::Rect& area, Markup* markup) {
  const Matrix to_centre = paint.to_node * Matrix{.5, 0, 0, .5, .5, .5};
  const double radius = Reach(to_centre, area);
  std::string use = Attribute("xlink:href", "#" + SheetOf(paint.type, Opaque(paint.stops), radius, markup));
  use += TransformAttribute("transform", to_centre);
  const bool opaque = std::all_of(paint.stops.begin(), paint.stops.end(), [](const ColourStop& stop) { return stop.colour.a >= 1; });
  if (opaque) return use;
  const std::string alpha = SheetOf(paint.type, AlphaAsGrey(paint.stops), radius, markup);
  std::string tail = " maskUnits=\"userSpaceOnUse\"" + Attribute("x", -radius) + Attribute("y", -radius) +
                     Attribute("width", 2 * radius) + Attribute("height", 2 * radius) + "><use" +
                     Attribute("xlink:href", "#" + alpha) + "/></mask>";
  return use + Attribute("mask", Reference(markup->Define("m", "<mask", tail)));
}

}  // namespace svg
