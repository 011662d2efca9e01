// Outlines, strokes, transforms.
#include "figgen/samples.h"

namespace figgen {
namespace {

const Packing kOldRaw = {Packing::Form::kRaw, Packing::Compression::kDeflate, "fig-kiwi", 1};
const Packing kOldZip = {Packing::Form::kZip, Packing::Compression::kDeflate, "fig-kiwi", 48};

Sketch Shapes(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 320, 220);
  board.Add("RECTANGLE", "rectangle").At(10, 10).Box(90, 90).Fill(Solid(Rgb(kRed)));
  board.Add("ROUNDED_RECTANGLE", "rounded").At(115, 10).Box(90, 90, 24).Fill(Solid(Rgb(kBlue)));
  board.Add("ELLIPSE", "ellipse").At(220, 10).Oval(90, 90).Fill(Solid(Rgb(kGreen)));
  board.Add("STAR", "star").At(10, 115).Polygon(90, 90, RegularCorners(5, 90, 90, 0.4)).Fill(Solid(Rgb(kYellow)));
  board.Add("REGULAR_POLYGON", "hexagon").At(115, 115).Polygon(90, 90, RegularCorners(6, 90, 90)).Fill(
      Solid(Rgb(kPlum)));
  Outline leaf;
  leaf.Move(0, 90).Quad({0, 0}, {90, 0}).Cubic({90, 50}, {50, 90}, {0, 90}).Close();
  board.Add("VECTOR", "leaf").At(220, 115).Outlined(90, 90, leaf).Fill(Solid(Rgb(kOrange)));
  return sketch;
}

Sketch Windings(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 220, 120);
  const Outline rings = Outline().Oval(0, 0, 100, 100).Oval(25, 25, 50, 50);
  board.Add("VECTOR", "all of it").At(10, 10).Outlined(100, 100, rings, "NONZERO").Fill(Solid(Rgb(kInk)));
  board.Add("VECTOR", "a ring").At(115, 10).Outlined(100, 100, rings, "ODD").Fill(Solid(Rgb(kInk)));
  return sketch;
}

Sketch Strokes(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 330, 230);
  double x = 15;
  for (const char* align : {"CENTER", "INSIDE", "OUTSIDE"}) {
    board.Add("RECTANGLE", align).At(x, 15).Box(80, 80).Fill(Solid(Rgb(kSky))).Stroke(Solid(Rgb(kInk, 0.5)), 10, align);
    board.Add("ELLIPSE", align).At(x, 125).Oval(80, 80).Fill(Solid(Rgb(kSky))).Stroke(
        Linear({0, 0}, {1, 1}, {{0, Rgb(kRed)}, {1, Rgb(kBlue)}}), 10, align);
    x += 110;
  }
  return sketch;
}

Sketch Lines(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 220, 100);
  board.Add("LINE", "line").At(10, 25).Size(200, 0).StrokePath(Outline().Box(0, -3, 200, 6)).Set(
      "strokePaints", List{Solid(Rgb(kInk))}).Set("strokeWeight", 6);
  Outline dashes;
  for (double x = 0; x < 200; x += 30) dashes.Box(x, -3, 20, 6);
  board.Add("LINE", "dashes").At(10, 50).Size(200, 0).StrokePath(dashes).Set(
      "strokePaints", List{Solid(Rgb(kRed))}).Set("strokeWeight", 6).Set("dashPattern", List{20, 10});
  // Wider than what holds it: nothing cuts the ends off.
  board.Add("LINE", "round").At(10, 75).Size(200, 0).StrokePath(Outline().RoundedBox(-5, -5, 210, 10, 5)).Set(
      "strokePaints", List{Solid(Rgb(kBlue))}).Set("strokeWeight", 10);
  return sketch;
}

Sketch Transforms(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 300, 120);
  board.Add("RECTANGLE", "turned").Turned(60, 10, 30).Box(60, 60).Fill(Solid(Rgb(kRed)));
  board.Add("RECTANGLE", "mirrored").Transform({-1, 0, 190, 0.5, 1, 10}).Box(60, 50).Fill(
      Linear({0, 0.5}, {1, 0.5}, {{0, Rgb(kBlue)}, {1, Rgb(kSky)}}));
  Node outer = board.Add("FRAME", "turned frame").Turned(220, 30, -15).Box(60, 60);
  outer.Fill(Solid(Rgb(kSand)));
  outer.Add("RECTANGLE", "turned back").Turned(10, 10, 15).Box(30, 30).Fill(Solid(Rgb(kGreen)));
  return sketch;
}

Sketch Boolean(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 140, 120);
  // The result is in the node; what it was made of is below it and not drawn.
  const Outline result = Outline().Oval(0, 0, 80, 80).Oval(30, 20, 60, 60, Outline::Turn::kCounter);
  Node either = board.Add("BOOLEAN_OPERATION", "either, not both").At(20, 20);
  either.Outlined(90, 80, result, "ODD").Fill(Solid(Rgb(kPlum))).Set("booleanOperation", "XOR");
  either.Add("ELLIPSE", "one").Oval(80, 80).Fill(Solid(Rgb(kRed)));
  either.Add("ELLIPSE", "other").At(30, 20).Oval(60, 60).Fill(Solid(Rgb(kRed)));
  return sketch;
}

// A path that has paints of its own, and one whose geometry is only in its network.
Sketch Vectors(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 230, 120);
  Node styled = board.Add("VECTOR", "two paints").At(10, 10);
  styled.Outlined(100, 100, Outline().Box(0, 0, 45, 100)).FillPath(Outline().Box(55, 0, 45, 100), "NONZERO", 7);
  styled.Fill(Solid(Rgb(kBlue)));
  const Object style = Object().Set("styleID", 7).Set("fillPaints", List{Solid(Rgb(kRed))});
  styled.Set("vectorData", Object().Set("normalizedSize", VectorOf(100, 100)).Set("styleOverrideTable", List{style}));
  std::string network;
  for (const unsigned word : {3, 3, 1}) AppendLittle(word, 4, &network);
  for (const Point corner : {Point{0, 50}, Point{25, 0}, Point{50, 50}}) {
    AppendLittle(0, 4, &network);
    AppendFloat(static_cast<float>(corner.x), &network);
    AppendFloat(static_cast<float>(corner.y), &network);
  }
  for (const unsigned start : {0, 1, 2}) {
    AppendLittle(0, 4, &network);
    for (const unsigned vertex : {start, (start + 1) % 3}) {
      AppendLittle(vertex, 4, &network);
      AppendLittle(0, 8, &network);
    }
  }
  for (const unsigned word : {1, 1, 3, 0, 1, 2}) AppendLittle(word, 4, &network);  // one region, nonzero
  Node triangle = board.Add("VECTOR", "network").At(120, 10).Size(100, 100).Fill(Solid(Rgb(kGreen)));
  triangle.Set("vectorData", Object().Set("vectorNetworkBlob", sketch.AddBlob(network)).Set(
                                 "normalizedSize", VectorOf(50, 50)));
  return sketch;
}

}  // namespace

std::vector<Sample> ShapeSamples() {
  return {
      {"shapes", "the basic shapes, curves of both kinds", Shapes},
      {"windings", "the two rules of what is inside", Windings, kOldZip},
      {"strokes", "strokes in the middle, inside and outside", Strokes},
      {"lines", "lines, dashes, ends beyond the box", Lines, kOldRaw},
      {"transforms", "turned, mirrored, slanted", Transforms},
      {"boolean", "the result of a boolean operation", Boolean, kOldRaw},
      {"vectors", "paints per path; a network without a path", Vectors},
  };
}

}  // namespace figgen
