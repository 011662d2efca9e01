// Pictures to look at: many features in one.
#include <cmath>

#include "figgen/picture.h"
#include "figgen/samples.h"
#include "figgen/writing.h"

namespace figgen {
namespace {

std::string Water() {
  return Png(64, 64, [](std::uint32_t x, std::uint32_t y) -> Pixel {
    const double wave = std::sin(x / 4.0 + std::sin(y / 6.0) * 2) * 20;
    return {40, static_cast<std::uint8_t>(110 + wave), static_cast<std::uint8_t>(180 + wave), 255};
  });
}

void Tower(Node parent, double x, double height) {
  Node tower = parent.Add("FRAME", "tower").At(x, 210 - height).Size(60, height).Set("frameMaskDisabled", true);
  tower.Effect(Shadow("DROP_SHADOW", Rgb(kInk, 0.35), {6, 4}, 10));
  Outline wall;
  wall.Move(0, height);
  for (int i = 0; i < 5; ++i) wall.Line(i * 12, i % 2 * 8).Line(i * 12 + 12, i % 2 * 8);
  wall.Line(60, height).Close();
  tower.Add("VECTOR", "wall").Outlined(60, height, wall).Fill(
      Linear({0, 0.5}, {1, 0.5}, {{0, Rgb(0x8B8D98)}, {0.4, Rgb(0xB9BBC6)}, {1, Rgb(0x60646C)}}));
  for (double y = 30; y + 80 < height; y += 50) {
    tower.Add("ROUNDED_RECTANGLE", "window").At(22, y).Box(16, 26, 8).Fill(Solid(Rgb(kInk))).Effect(
        Shadow("INNER_SHADOW", Rgb(kYellow, 0.8), {0, -6}, 8));
  }
}

// A castle behind its moat.
Sketch Poster(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 480, 320);
  board.Set("fillPaints", List{Linear({0.5, 0}, {0.5, 1}, {{0, Rgb(0x20325E)}, {0.6, Rgb(kOrange)}, {1, Rgb(kYellow)}})});
  board.Add("ELLIPSE", "sun").At(330, 60).Oval(80, 80).Fill(
      Round("GRADIENT_RADIAL", {0.5, 0.5}, {1, 0.5}, {0.5, 1}, {{0, Rgb(0xFFFFFF)}, {0.6, Rgb(kYellow)}, {1, Rgb(kYellow, 0)}}));
  Outline hills;
  hills.Move(0, 80).Cubic({100, -20}, {180, 10}, {260, 50}).Cubic({340, 90}, {400, 20}, {480, 40}).Line(480, 130).Line(0, 130).Close();
  board.Add("VECTOR", "hills").At(0, 110).Outlined(480, 130, hills).Fill(Solid(Rgb(0x2B5A46))).Effect(
      Blur("FOREGROUND_BLUR", 3));
  Tower(board, 120, 120);
  Tower(board, 300, 120);
  Tower(board, 205, 160);
  board.Add("RECTANGLE", "wall").At(150, 150).Box(180, 60).Fill(Solid(Rgb(0x8B8D98))).Stroke(Solid(Rgb(0x60646C)), 2, "INSIDE");
  board.Add("VECTOR", "gate").At(215, 160).Outlined(50, 50, Outline().Move(0, 50).Line(0, 25).Cubic(
      {0, -8}, {50, -8}, {50, 25}).Line(50, 50).Close()).Fill(Solid(Rgb(0x4E3524)));
  Object water = ImageByHash(sketch.AddImage(Water()), "TILE");
  board.Add("RECTANGLE", "moat").At(0, 210).Box(480, 110).Fill(water).Fill(
      Linear({0.5, 0}, {0.5, 1}, {{0, Rgb(0x1D3A6B, 0)}, {1, Rgb(0x1D3A6B, 0.9)}}));
  Node title = board.Add("TEXT", "title").At(176, 235).Fill(Solid(Rgb(0xFFFFFF))).Effect(
      Shadow("DROP_SHADOW", Rgb(0, 0.5), {0, 3}, 4));
  Write(&title, "MOAT", 54);
  return sketch;
}

Node Card(Node parent, double x, double y, double width, double height) {
  return parent.Add("FRAME", "card").At(x, y).Box(width, height, 12).Fill(Solid(Rgb(0xFFFFFF))).Effect(
      Shadow("DROP_SHADOW", Rgb(kInk, 0.15), {0, 4}, 12));
}

// As screens are drawn: cards with charts, made of instances.
Sketch Dashboard(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = sketch.Page("Page 1");
  Node badge = page.Add("SYMBOL", "badge").At(-200, 0).Box(88, 26, 13).Fill(Solid(Rgb(kGreen, 0.2)));
  Node word = badge.Add("TEXT", "word").At(12, 4).Fill(Solid(Rgb(kGreen)));
  Write(&word, "HEALTHY", 15);
  sketch.ShowRegion(0, 0, 640, 400);
  Node board = page.Add("FRAME", "screen").Box(640, 400).Fill(Solid(Rgb(kSand)));
  Node title = board.Add("TEXT", "title").At(24, 18).Fill(Solid(Rgb(kInk)));
  Write(&title, "JAILS TODAY", 28);
  Instance(&board, badge, "state").At(528, 24);
  Node chart = Card(board, 24, 70, 380, 306);
  for (int i = 0; i < 10; ++i) {
    const double height = 50 + 90 * (1 + std::sin(i * 0.9)) + i * 4;
    chart.Add("ROUNDED_RECTANGLE", "bar").At(24 + i * 34, 290 - height).Box(22, height, 6).Fill(
        Linear({0.5, 0}, {0.5, 1}, {{0, Rgb(kBlue)}, {1, Rgb(kPlum)}}));
  }
  Node ring = Card(board, 424, 70, 192, 192);
  ring.Add("VECTOR", "ring").At(26, 26).Outlined(
      140, 140, Outline().Oval(0, 0, 140, 140).Oval(28, 28, 84, 84, Outline::Turn::kCounter)).Fill(
      Round("GRADIENT_ANGULAR", {0.5, 0.5}, {1, 0.5}, {0.5, 1}, {{0, Rgb(kGreen)}, {0.7, Rgb(kYellow)}, {1, Rgb(kRed)}}));
  Node bad = Card(board, 424, 282, 192, 94);
  Node count = bad.Add("TEXT", "count").At(20, 14).Fill(Solid(Rgb(kRed)));
  Write(&count, "3", 40);
  Node killed = Instance(&bad, badge, "killed").At(84, 34).Set("fillPaints", List{Solid(Rgb(kRed, 0.2))});
  const Object letters = Object().Set("layoutSize", VectorOf(63, 18)).Set("glyphs", Glyphs(&sketch, "KILLED", 15, 14));
  Override(&killed, {word.Guid()}, Object().Set("fillPaints", List{Solid(Rgb(kRed))}));
  Derive(&killed, {word.Guid()}, Object().Set("derivedTextData", letters));
  return sketch;
}

}  // namespace

std::vector<Sample> ShowSamples() {
  return {
      {"poster", "a castle behind its moat", Poster},
      {"dashboard", "a screen with cards and charts", Dashboard},
  };
}

}  // namespace figgen
