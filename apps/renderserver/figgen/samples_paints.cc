// Gradients, pictures, blend modes, backgrounds, shared styles.
#include <cmath>

#include "figgen/picture.h"
#include "figgen/samples.h"
#include "figgen/writing.h"

namespace figgen {
namespace {

const Packing kRaw = {Packing::Form::kRaw, Packing::Compression::kDeflate, "fig-kiwi", 15};

const std::vector<Stop> kRainbow = {{0, Rgb(kRed)}, {0.35, Rgb(kYellow)}, {0.7, Rgb(kGreen)}, {1, Rgb(kBlue)}};

// 48 x 32: hills before a sky with a round sun, and a transparent corner.
std::string Landscape() {
  return Png(48, 32, [](std::uint32_t x, std::uint32_t y) -> Pixel {
    const double hill = 22 + 4 * std::sin(x / 5.0);
    if (std::hypot(x - 36.0, y - 8.0) < 5) return {255, 214, 10, 255};
    if (x + y < 8) return {0, 0, 0, 0};
    if (y > hill) return {48, static_cast<std::uint8_t>(120 + 2 * y), 90, 255};
    return {184, 220, static_cast<std::uint8_t>(200 + y), 255};
  });
}

Sketch Gradients(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 330, 220);
  const auto box = [&](const char* title, double x, double y, Object paint) {
    board.Add("RECTANGLE", title).At(x, y).Box(90, 90).Fill(std::move(paint));
  };
  box("across", 15, 10, Linear({0, 0.5}, {1, 0.5}, kRainbow));
  box("slanted", 120, 10, Linear({0.2, 0.1}, {0.8, 0.9}, kRainbow));
  box("fading", 225, 10, Linear({0.5, 0}, {0.5, 1}, {{0, Rgb(kPlum)}, {1, Rgb(kPlum, 0)}}));
  box("radial", 15, 115, Round("GRADIENT_RADIAL", {0.5, 0.5}, {1, 0.5}, {0.5, 0.75}, kRainbow));
  box("angular", 120, 115, Round("GRADIENT_ANGULAR", {0.5, 0.5}, {1, 0.5}, {0.5, 1}, kRainbow));
  box("diamond", 225, 115, Round("GRADIENT_DIAMOND", {0.5, 0.5}, {1, 0.5}, {0.5, 1}, kRainbow));
  return sketch;
}

Sketch Images(std::string_view name) {
  Sketch sketch{std::string(name)};
  const std::string hash = sketch.AddImage(Landscape());
  Node board = Board(&sketch, 330, 220);
  double x = 15;
  for (const char* mode : {"FILL", "FIT", "TILE"}) {
    board.Add("RECTANGLE", mode).At(x, 10).Box(90, 90).Fill(Solid(Rgb(kSand))).Fill(ImageByHash(hash, mode));
    x += 105;
  }
  board.Add("RECTANGLE", "STRETCH").At(15, 115).Box(90, 90).Fill(ImageByHash(hash, "STRETCH"));
  Object part = ImageByHash(hash, "STRETCH");
  part.Set("transform", MatrixOf({0.5, 0, 0.25, 0, 0.5, 0.25}));  // the middle of the picture
  board.Add("RECTANGLE", "cropped").At(120, 115).Box(90, 90).Fill(part);
  Object turned = ImageByHash(hash, "TILE");
  turned.Set("scale", 0.5).Set("rotation", 90);
  board.Add("ELLIPSE", "turned tiles").At(225, 115).Oval(90, 90).Fill(turned);
  return sketch;
}

Sketch ImageBlob(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 120, 80);
  board.Add("RECTANGLE", "picture").Box(120, 80).Fill(ImageByBlob(sketch.AddBlob(Landscape()), "FILL"));
  return sketch;
}

Sketch ImageFaults(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 330, 110);
  const std::string png = Landscape();
  const std::string broken = sketch.AddImage(png.substr(0, png.size() / 2));
  board.Add("RECTANGLE", "missing").At(10, 10).Box(90, 90).Fill(ImageByHash(Sha1("nowhere"), "FILL"));
  board.Add("RECTANGLE", "cut off").At(120, 10).Box(90, 90).Fill(ImageByHash(broken, "FILL"));
  board.Add("RECTANGLE", "no picture").At(230, 10).Box(90, 90).Fill(ImageByHash(sketch.AddImage("text"), "FILL"));
  return sketch;
}

Sketch ImageFilters(std::string_view name) {
  Sketch sketch{std::string(name)};
  const std::string hash = sketch.AddImage(Landscape());
  Node board = Board(&sketch, 330, 110);
  double x = 15;
  for (const char* filter : {"exposure", "contrast", "temperature"}) {
    Object paint = ImageByHash(hash, "FILL");
    paint.Set("paintFilter", Object().Set(filter, 0.5));
    board.Add("RECTANGLE", filter).At(x, 10).Box(90, 90).Fill(paint);
    x += 105;
  }
  return sketch;
}

// Every mode twice: as a layer's and as a paint's.
Sketch Blends(std::string_view name) {
  constexpr const char* kModes[] = {
      "PASS_THROUGH", "NORMAL",      "DARKEN",  "MULTIPLY",   "LINEAR_BURN", "COLOR_BURN", "LIGHTEN",
      "SCREEN",       "LINEAR_DODGE", "COLOR_DODGE", "OVERLAY", "SOFT_LIGHT",  "HARD_LIGHT", "DIFFERENCE",
      "EXCLUSION",    "HUE",         "SATURATION", "COLOR",   "LUMINOSITY"};
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 400, 320);
  int index = 0;
  for (const char* mode : kModes) {
    Node cell = board.Add("FRAME", mode).At(10 + index % 5 * 78, 10 + index / 5 * 76).Box(70, 66);
    ++index;
    cell.Fill(Linear({0, 0}, {1, 1}, {{0, Rgb(kYellow)}, {1, Rgb(kBlue)}}));
    cell.Add("RECTANGLE", "layer").At(5, 5).Box(60, 26).Fill(Solid(Rgb(kRed, 0.8))).Set("blendMode", mode);
    Object paint = Solid(Rgb(kRed), 0.8);
    paint.Set("blendMode", mode);
    cell.Add("RECTANGLE", "paint").At(5, 35).Box(60, 26).Fill(Solid(Rgb(kGreen))).Fill(paint);
  }
  return sketch;
}

Sketch Paints(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 220, 120);
  Object hidden = Solid(Rgb(kInk));
  hidden.Set("visible", false);
  board.Add("RECTANGLE", "three, one hidden").At(10, 10).Box(90, 100).Fill(Solid(Rgb(kRed)))
      .Fill(Linear({0, 0}, {0, 1}, {{0, Rgb(kBlue, 0)}, {1, Rgb(kBlue)}})).Fill(hidden);
  board.Add("RECTANGLE", "half and half").At(120, 10).Box(90, 100).Fill(Solid(Rgb(kGreen, 0.5), 0.5)).Set("opacity", 0.8);
  return sketch;
}

// The page's colour, and the three ways in which frames of old files have a background.
Sketch Backgrounds(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = sketch.Page("Page 1");
  page.Set("backgroundColor", ColourOf(Rgb(kSand))).Set("backgroundEnabled", true).Set("backgroundOpacity", 1);
  page.Add("FRAME", "colour").At(0, 0).Size(80, 80).Set("backgroundColor", ColourOf(Rgb(kRed))).Set(
      "backgroundEnabled", true).Set("backgroundOpacity", 0.5);
  page.Add("FRAME", "paints").At(100, 0).Size(80, 80).Set("backgroundPaints", List{Solid(Rgb(kBlue))}).Set(
      "backgroundColor", ColourOf(Rgb(kRed))).Set("backgroundEnabled", true);
  page.Add("FRAME", "none").At(200, 0).Size(80, 80).Set("backgroundColor", ColourOf(Rgb(kRed))).Set(
      "backgroundEnabled", false).Add("ELLIPSE", "dot").Oval(80, 80).Fill(Solid(Rgb(kGreen)));
  return sketch;
}

// All four are green: the style holds, whatever the node itself says.
Sketch Styles(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 330, 120);
  Node green = Style(&sketch, "FILL", "green").Fill(Solid(Rgb(kGreen)));
  Node soft = Style(&sketch, "EFFECT", "soft").Effect(Shadow("DROP_SHADOW", Rgb(kInk, 0.5), {0, 4}, 8));
  const Object none = Object().Set("sessionID", 0xFFFFFFFFu).Set("localID", 0xFFFFFFFFu);
  board.Add("RECTANGLE", "as of old").At(15, 15).Box(60, 80).Fill(Solid(Rgb(kRed))).Set("inheritFillStyleID", green.Guid());
  board.Add("RECTANGLE", "as of now").At(95, 15).Box(60, 80).Fill(Solid(Rgb(kRed))).Set(
      "styleIdForFill", Object().Set("guid", green.Guid()));
  board.Add("RECTANGLE", "no style").At(175, 15).Box(60, 80).Fill(Solid(Rgb(kGreen))).Set("inheritFillStyleID", none);
  board.Add("RECTANGLE", "stroke and shadow").At(255, 15).Box(60, 80).Stroke(Solid(Rgb(kRed)), 12, "INSIDE").Set(
      "styleIdForStrokeFill", Object().Set("guid", green.Guid())).Set("inheritEffectStyleID", soft.Guid());
  return sketch;
}

}  // namespace

std::vector<Sample> PaintSamples() {
  return {
      {"gradients", "linear, radial, angular, diamond", Gradients},
      {"images", "a picture filled, fitted, tiled, stretched, cropped", Images},
      {"image-blob", "a picture inside the message, as in raw files", ImageBlob, kRaw},
      {"image-faults", "pictures that are missing or broken", ImageFaults},
      {"image-filters", "adjusted colours", ImageFilters},
      {"blends", "all blend modes, of layers and of paints", Blends},
      {"paints", "several paints, opacities of all kinds", Paints},
      {"backgrounds", "of a page and of old frames", Backgrounds, kRaw},
      {"styles", "shared styles, and stale paints below them", Styles},
  };
}

}  // namespace figgen
