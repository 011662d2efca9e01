// What is special about the file rather than about what it shows.
#include "figgen/encode.h"
#include "figgen/picture.h"
#include "figgen/samples.h"
#include "figgen/writing.h"

namespace figgen {
namespace {

const Packing kRawWithThumbnail = {Packing::Form::kRaw, Packing::Compression::kDeflate, "fig-kiwi", 2};
const Packing kDeck = {Packing::Form::kZip, Packing::Compression::kZstd, "fig-deck", 101};

Sketch Deck(std::string_view name) {
  constexpr double kWidth = 1920, kHeight = 1080;
  Sketch sketch{std::string(name)};
  Node grid = sketch.Page("Page 1").Add("SLIDE_GRID", "grid").Size(2 * kWidth + 240, kHeight);
  Node row = grid.Add("SLIDE_ROW", "row").Size(2 * kWidth + 240, kHeight);
  double x = 0;
  for (const char* title : {"1", "2"}) {
    Node slide = row.Add("SLIDE", title).At(x, 0).Box(kWidth, kHeight);
    slide.Fill(Linear({0, 0}, {1, 1}, {{0, Rgb(kInk)}, {1, Rgb(x == 0 ? kBlue : kPlum)}}));
    Node text = slide.Add("TEXT", "title").At(160, 420).Fill(Solid(Rgb(0xFFFFFF)));
    Write(&text, std::string("SLIDE ") + title, 200);
    x += kWidth + 240;
  }
  return sketch;
}

// Names that would break out of a text that does not escape them; also what is no UTF-8.
Sketch Names(std::string_view name) {
  constexpr const char* kNames[] = {"<script>alert(1)</script>", "\"quoted\" & 'quoted'", "]]>", "<!--",
                                    "../../../etc/passwd", "\xFF\xFE no utf-8 \xC3", "\x01\x1B[31m control",
                                    "&#x3C;&amp;", "\xE2\x80\xAE turned", ""};
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 120, 120);
  int place = 0;
  for (const char* each : kNames) {
    board.Add("RECTANGLE", each).At(5 + place % 4 * 28, 5 + place / 4 * 28).Box(24, 24).Fill(Solid(Rgb(kBlue)));
    ++place;
  }
  Node text = board.Add("TEXT", "</text>").At(5, 95).Fill(Solid(Rgb(kInk)));
  Write(&text, "<A & B>", 16);
  return sketch;
}

// Harmless. A test's own build of the renderer looks for this name, and then does its worst.
Sketch Compromise(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 100, 100);
  board.Add("RECTANGLE", "moat-test:compromise").At(10, 10).Box(80, 80).Fill(Solid(Rgb(kRed)));
  return sketch;
}

Sketch Thumbnail(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 100, 50);
  board.Add("RECTANGLE", "half").Box(50, 50).Fill(Solid(Rgb(kBlue)));
  sketch.SetThumbnail(Png(400, 200, [](std::uint32_t x, std::uint32_t) -> Pixel {
    return x < 200 ? Pixel{0x3E, 0x63, 0xDD} : Pixel{255, 255, 255};
  }));
  return sketch;
}

// Newer files say nothing where it is what everybody would assume.
Sketch Defaults(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 100, 100);
  Node box = board.Add("RECTANGLE", "box").Box(60, 60).Fill(Object().Set("type", "SOLID").Set("color", ColourOf(Rgb(kGreen))));
  Object bare;
  for (const auto& [field, value] : box.change().fields()) {
    if (field != "visible" && field != "opacity" && field != "transform" && field != "phase") bare.Set(field, value);
  }
  box.change() = bare;
  return sketch;
}

// Fields that a renderer has no use for, of every type that there is.
Sketch Unread(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 100, 100);
  Node box = board.Add("RECTANGLE", "box").At(20, 20).Box(60, 60).Fill(Solid(Rgb(kPlum)));
  const Object data = Object().Set("pluginID", "1").Set("key", "k").Set("value", std::string(3000, 'v'));
  box.Set("pluginData", List{data, data}).Set("locked", true).Set("flagsForTest", List());
  box.Set("editInfo", Object().Set("timestampOffset", -1234567890123.0).Set("createdAt", 1.8e18).Set("userIndex", -7));
  box.Set("strokeSeed", 9.2e18);
  return sketch;
}

std::string UnsizedZstd() {
  Sketch sketch("unsized");
  Board(&sketch, 100, 100).Add("ELLIPSE", "dot").At(10, 10).Oval(80, 80).Fill(Solid(Rgb(kOrange)));
  const std::string message = Encode(OwnSchema(), "Message", sketch.Message());
  return Canvas("fig-kiwi", 70, {Deflate(EncodeSchema(OwnSchema())), Zstd(message, ZstdSize::kOmitted)});
}

// 3,000 nodes in frames of thirty.
Sketch Many(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 1000, 1000);
  for (int i = 0; i < 100; ++i) {
    Node cell = board.Add("FRAME", "cell").At(i % 10 * 100, i / 10 * 100).Box(96, 96, 6).Fill(Solid(Rgb(kSand)));
    for (int k = 0; k < 27; ++k) {
      Node part = cell.Add(k % 2 == 0 ? "ELLIPSE" : "RECTANGLE", "part").At(4 + k % 6 * 15, 4 + k / 6 * 15);
      Node& shaped = k % 2 == 0 ? part.Oval(12, 12) : part.Box(12, 12, 2);
      shaped.Fill(Solid(Rgb(k % 3 == 0 ? kRed : kBlue))).Stroke(Solid(Rgb(kInk, 0.4)), 1, "INSIDE");
    }
    Node text = cell.Add("TEXT", "label").At(4, 80).Fill(Solid(Rgb(kInk)));
    Write(&text, "CELL " + std::to_string(i), 11);
    cell.Add("LINE", "line").At(4, 78).Size(88, 0).StrokePath(Outline().Box(0, -0.5, 88, 1)).Set(
        "strokePaints", List{Solid(Rgb(kInk))});
  }
  return sketch;
}

}  // namespace

std::vector<Sample> FileSamples() {
  return {
      {"deck", "two slides", Deck, kDeck},
      {"names", "names that must be escaped", Names},
      {"compromise", "the marker for the test of a compromised renderer", Compromise},
      {"thumbnail", "a raw file with a thumbnail of its own", Thumbnail, kRawWithThumbnail},
      {"defaults", "a node that leaves out what is usual", Defaults},
      {"unread", "fields that nobody draws", Unread},
      {"unsized", "a zstd frame that does not say its size", nullptr, {}, UnsizedZstd},
      {"many", "3,000 nodes", Many},
  };
}

}  // namespace figgen
