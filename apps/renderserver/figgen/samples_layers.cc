// Groups, clips, masks, effects, and the order of things.
#include "figgen/samples.h"

namespace figgen {
namespace {

const Packing kOldZip = {Packing::Form::kZip, Packing::Compression::kDeflate, "fig-kiwi", 20};

// Two that overlap; what is around them shows whether they are one.
void Pair(Node parent) {
  parent.Add("RECTANGLE", "below").At(0, 0).Box(50, 50).Fill(Solid(Rgb(kRed)));
  parent.Add("RECTANGLE", "above").At(25, 25).Box(50, 50).Fill(Solid(Rgb(kBlue)));
}

Sketch Groups(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 300, 110);
  Pair(board.Add("FRAME", "group").At(15, 15).Size(75, 75).Set("resizeToFit", true));
  Pair(board.Add("FRAME", "half a group").At(110, 15).Size(75, 75).Set("resizeToFit", true).Set("opacity", 0.5));
  Pair(board.Add("FRAME", "of isolated blending").At(205, 15).Size(75, 75).Set("resizeToFit", true).Set(
      "blendMode", "MULTIPLY"));
  return sketch;
}

Sketch Clips(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 420, 130);
  const auto child = [](Node frame) { frame.Add("ELLIPSE", "disc").At(30, 30).Oval(80, 80).Fill(Solid(Rgb(kRed))); };
  child(board.Add("FRAME", "clips").At(10, 10).Box(80, 80).Fill(Solid(Rgb(kSky))));
  child(board.Add("FRAME", "does not clip").At(110, 10).Box(80, 80).Fill(Solid(Rgb(kSky))).Set("frameMaskDisabled", true));
  child(board.Add("FRAME", "clips to round corners").At(230, 10).Box(80, 80, 30).Fill(Solid(Rgb(kSky))));
  // The stroke of a container lies above what it clips.
  child(board.Add("FRAME", "stroked").At(330, 10).Box(80, 80).Fill(Solid(Rgb(kSky))).Stroke(Solid(Rgb(kInk)), 6, "INSIDE"));
  return sketch;
}

Sketch Masks(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 410, 110);
  const auto group = [&](const char* title, double x) {
    return board.Add("FRAME", title).At(x, 10).Size(90, 90).Set("resizeToFit", true);
  };
  const auto content = [](Node parent) {
    parent.Add("RECTANGLE", "masked").Box(90, 90).Fill(Linear({0, 0}, {1, 1}, {{0, Rgb(kRed)}, {1, Rgb(kBlue)}}));
  };
  Node alpha = group("alpha", 10);
  alpha.Add("ELLIPSE", "mask").Oval(90, 90).Fill(Linear({0, 0.5}, {1, 0.5}, {{0, Rgb(kInk)}, {1, Rgb(kInk, 0)}})).Set(
      "mask", true).Set("maskType", "ALPHA");
  content(alpha);
  Node outline = group("outline", 110);
  outline.Add("ELLIPSE", "mask").Oval(90, 90).Fill(Solid(Rgb(kInk, 0.1))).Set("mask", true).Set("maskType", "OUTLINE");
  content(outline);
  Node luminance = group("luminance", 210);
  luminance.Add("RECTANGLE", "mask").Box(90, 90).Fill(Linear({0.5, 0}, {0.5, 1}, {{0, Rgb(0xFFFFFF)}, {1, Rgb(0)}})).Set(
      "mask", true).Set("maskType", "LUMINANCE");
  content(luminance);
  Node old = group("as of old, and not below it", 310);
  old.Add("RECTANGLE", "below the mask").Box(90, 20).Fill(Solid(Rgb(kGreen)));
  old.Add("ELLIPSE", "mask").At(10, 10).Oval(70, 70).Fill(Solid(Rgb(kInk))).Set("mask", true).Set("maskIsOutline", true);
  content(old);
  return sketch;
}

Sketch Shadows(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 420, 240);
  const auto box = [&](const char* title, double x, double y) {
    return board.Add("RECTANGLE", title).At(x, y).Box(70, 70, 8).Fill(Solid(Rgb(kSky)));
  };
  const Object drop = Shadow("DROP_SHADOW", Rgb(kInk, 0.6), {8, 8}, 10);
  Object behind = drop;
  behind.Set("showShadowBehindNode", true);
  box("drop", 20, 20).Effect(drop);
  box("spread", 120, 20).Effect(Shadow("DROP_SHADOW", Rgb(kRed, 0.6), {0, 0}, 6, 10));
  // Through half a node its shadow is seen only when it says so.
  Node knocked = box("knocked out", 220, 20), seen = box("seen behind", 320, 20);
  knocked.Set("fillPaints", List{Solid(Rgb(kSky), 0.5)}).Effect(drop);
  seen.Set("fillPaints", List{Solid(Rgb(kSky), 0.5)}).Effect(behind);
  box("inner", 20, 130).Effect(Shadow("INNER_SHADOW", Rgb(kInk, 0.7), {6, 6}, 10));
  box("both", 120, 130).Effect(drop).Effect(Shadow("INNER_SHADOW", Rgb(kRed, 0.7), {-6, -6}, 10, 4));
  Node group = board.Add("FRAME", "of a silhouette").At(220, 130).Size(80, 80).Set("frameMaskDisabled", true);
  group.Effect(drop);
  Pair(group);
  Object hidden = drop;
  hidden.Set("visible", false);
  box("none", 330, 130).Effect(hidden);
  return sketch;
}

Sketch Blurs(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 240, 120);
  board.Add("RECTANGLE", "blurred").At(20, 20).Box(80, 80).Fill(Solid(Rgb(kRed))).Effect(Blur("FOREGROUND_BLUR", 12));
  for (double y = 10; y < 110; y += 20) board.Add("RECTANGLE", "stripe").At(130, y).Box(100, 10).Fill(Solid(Rgb(kInk)));
  board.Add("RECTANGLE", "frosted").At(150, 20).Box(60, 80, 10).Fill(Solid(Rgb(0xFFFFFF, 0.4))).Effect(
      Blur("BACKGROUND_BLUR", 12));
  return sketch;
}

// What is red is not drawn.
Sketch Unseen(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 220, 120);
  const auto red = [](Node node) { node.Box(40, 40).Fill(Solid(Rgb(kRed))); };
  board.Add("RECTANGLE", "seen").At(10, 10).Box(90, 90).Fill(Solid(Rgb(kGreen)));
  red(board.Add("RECTANGLE", "invisible").At(20, 20).Set("visible", false));
  red(board.Add("RECTANGLE", "removed").At(40, 40).Set("phase", "REMOVED"));
  red(board.Add("SLICE", "slice").At(20, 20));
  red(board.Add("VARIABLE", "variable").At(20, 20));
  red(board.Add("RECTANGLE", "transparent").At(60, 20).Set("opacity", 0));
  Node section = board.Add("SECTION", "closed section").At(120, 10).Box(90, 90, 4).Fill(Solid(Rgb(kSand)));
  section.Set("sectionContentsHidden", true);
  red(section.Add("RECTANGLE", "inside").At(20, 20));
  red(sketch.internal_page().Add("RECTANGLE", "on the internal page"));
  return sketch;
}

// The last by its position, as bytes, lies on top; the file's own order says nothing.
Sketch Order(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node board = Board(&sketch, 140, 140);
  int place = 10;
  for (const auto& [position, colour] : {std::pair{"\"", kGreen}, {" ~", kRed}, {"!", kYellow}, {"!!", kBlue}}) {
    Node box = board.Add("RECTANGLE", position).At(place, place).Box(60, 60).Fill(Solid(Rgb(colour)));
    box.Set("parentIndex", Object().Set("guid", board.Guid()).Set("position", position));
    place += 20;
  }
  return sketch;
}

}  // namespace

std::vector<Sample> LayerSamples() {
  return {
      {"groups", "groups, as one when they are not opaque", Groups, kOldZip},
      {"clips", "frames that cut their children off", Clips},
      {"masks", "masks of all kinds", Masks},
      {"shadows", "drop and inner shadows, spread, knocked out", Shadows},
      {"blurs", "of a layer, and of what is behind one", Blurs},
      {"unseen", "what is not drawn", Unseen},
      {"order", "children by their position", Order},
  };
}

}  // namespace figgen
