// Texts, and shapes that hold one.
#include "figgen/samples.h"
#include "figgen/writing.h"

namespace figgen {
namespace {

const Packing kOldRaw = {Packing::Form::kRaw, Packing::Compression::kDeflate, "fig-kiwi", 10};

Sketch Text(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 320, 130);
  Node title = board.Add("TEXT", "title").At(15, 10).Fill(Solid(Rgb(kInk)));
  Write(&title, "HELLO, WORLD!", 36);
  Node gradient = board.Add("TEXT", "gradient").At(15, 65).Fill(Linear({0, 0.5}, {1, 0.5}, {{0, Rgb(kRed)}, {1, Rgb(kBlue)}}));
  Write(&gradient, "0123456789", 40);
  return sketch;
}

Sketch TextOfOld(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 320, 60);
  Node text = board.Add("TEXT", "as of old").At(15, 8).Fill(Solid(Rgb(kPlum)));
  Write(&text, "OLD GLYPHS", 36, GlyphPlace::kTextData);
  return sketch;
}

Sketch TextRuns(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 280, 70);
  Node text = board.Add("TEXT", "runs").At(15, 12).Fill(Solid(Rgb(kInk)));
  WriteRuns(&text, "RED AND BLUE", 34, {1, 1, 1, 0, 0, 0, 0, 0, 2, 2, 2, 2}, {Solid(Rgb(kRed)), Solid(Rgb(kBlue))});
  // A line below the first word.
  const Object line = Object().Set("x", 0).Set("y", 38).Set("w", 58).Set("h", 3);
  text.change().Get("derivedTextData")->object().Set(
      "decorations", List{Object().Set("rects", List{line}).Set("styleID", 1)});
  return sketch;
}

Sketch TurnedText(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 120, 120);
  Node text = board.Add("TEXT", "turned").Turned(20, 10, 40).Fill(Solid(Rgb(kInk)));
  Write(&text, "UP HILL", 26).Effect(Shadow("DROP_SHADOW", Rgb(kRed), {3, 3}, 0));
  return sketch;
}

// The node has neither size nor paint for its parts: they are objects of its own, by number.
Node ShapeWithText(Node parent, std::string_view title, const std::string& words, unsigned colour) {
  constexpr unsigned kParts = 40'000'000;
  const auto part = [](unsigned number) {
    const Object guid = Object().Set("sessionID", kParts).Set("localID", number);
    return Object().Set("guidPath", Object().Set("guids", List{guid}));
  };
  Node node = parent.Add("SHAPE_WITH_TEXT", title).Size(200, 60);
  Sketch& sketch = node.sketch();
  const auto path = [&](const Outline& outline, const char* winding) {
    const std::size_t blob = sketch.AddBlob(outline.blob());
    return List{Object().Set("windingRule", winding).Set("commandsBlob", blob)};
  };
  Object shape = part(0), text = part(1);
  shape.Set("fillPaints", List{Solid(Rgb(colour))}).Set("strokePaints", List{Solid(Rgb(kInk))});
  shape.Set("strokeWeight", 2).Set("strokeAlign", "CENTER").Set("cornerRadius", 30);
  text.Set("fillPaints", List{Solid(Rgb(0xFFFFFF))}).Set("fontSize", 24);
  node.Set("nodeGenerationData", Object().Set("overrides", List{shape, text}));
  Object derived_shape = part(0), derived_text = part(1);
  derived_shape.Set("size", VectorOf(200, 60)).Set("transform", MatrixOf({}));
  derived_shape.Set("fillGeometry", path(Outline().RoundedBox(0, 0, 200, 60, 30), "NONZERO"));
  derived_shape.Set("strokeGeometry", path(Outline().RoundedBox(-1, -1, 202, 62, 31).RoundedBox(1, 1, 198, 58, 29), "ODD"));
  derived_text.Set("size", VectorOf(160, 30)).Set("transform", MatrixOf({1, 0, 20, 0, 1, 15}));
  derived_text.Set("derivedTextData",
                   Object().Set("layoutSize", VectorOf(160, 30)).Set("glyphs", Glyphs(&sketch, words, 24, 23)));
  return node.Set("derivedImmutableFrameData", Object().Set("overrides", List{derived_shape, derived_text}));
}

Sketch ShapesWithText(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 240, 160);
  ShapeWithText(board, "first", "FIRST STEP", kBlue).At(20, 15);
  ShapeWithText(board, "second", "AND THEN", kPlum).At(20, 85).Set("opacity", 0.7);
  return sketch;
}

Sketch Jam(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = sketch.Page("Page 1");
  Node section = page.Add("SECTION", "ideas").Box(300, 220, 8).Fill(Solid(Rgb(kSand))).Stroke(Solid(Rgb(kInk, 0.2)), 2);
  ShapeWithText(section, "a thought", "A THOUGHT", kGreen).At(50, 20);
  ShapeWithText(section, "another", "ANOTHER", kOrange).At(50, 130);
  section.Add("CONNECTOR", "arrow").At(150, 82).Size(0, 46).StrokePath(
      Outline().Box(-1, 0, 2, 40).Polygon({{-7, 36}, {7, 36}, {0, 46}})).Set("strokePaints", List{Solid(Rgb(kInk))});
  return sketch;
}

}  // namespace

std::vector<Sample> TextSamples() {
  return {
      {"text", "letters by their outlines", Text},
      {"text-old", "letters where old files have them", TextOfOld, kOldRaw},
      {"text-runs", "colours per character, an underline", TextRuns},
      {"text-turned", "a turned line with a hard shadow", TurnedText},
      {"shape-with-text", "a shape and its text in one node", ShapesWithText},
      {"jam", "a section, two thoughts and an arrow",
       Jam, {Packing::Form::kZip, Packing::Compression::kZstd, "fig-jam.", 104}},
  };
}

}  // namespace figgen
