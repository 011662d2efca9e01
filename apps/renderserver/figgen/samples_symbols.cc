// Symbols, their instances, and what these change.
#include "figgen/samples.h"
#include "figgen/writing.h"

namespace figgen {
namespace {

struct Button {
  Node symbol, label, icon;
};

// A button beside the board, with a text and a dot that overrides reach by their keys.
Button DrawButton(Node page, double y) {
  Node symbol = page.Add("SYMBOL", "button").At(-300, y).Box(120, 40, 10).Fill(Solid(Rgb(kBlue)));
  Node icon = symbol.Add("ELLIPSE", "icon").At(10, 10).Oval(20, 20).Fill(Solid(Rgb(kYellow)));
  Node label = symbol.Add("TEXT", "label").At(38, 8).Fill(Solid(Rgb(0xFFFFFF)));
  Write(&label, "PRESS", 20);
  label.Set("overrideKey", Object().Set("sessionID", 9).Set("localID", 77 + static_cast<unsigned>(y)));
  return {symbol, label, icon};
}

Object Key(const Node& node) {
  const Value* key = node.change().Get("overrideKey");
  return key != nullptr ? key->object() : node.Guid();
}

Object TextChange(Sketch* sketch, const std::string& text) {
  Object change;
  change.Set("textData", Object().Set("characters", text));
  const double width = static_cast<double>(text.size()) * 12;
  change.Set("derivedTextData",
             Object().Set("layoutSize", VectorOf(width, 24)).Set("glyphs", Glyphs(sketch, text, 20, 19)));
  return change.Set("size", VectorOf(width, 24));
}

Node PageOf(Sketch* sketch) { return sketch->Page("Page 1"); }

Node BoardOn(Sketch* sketch, Node page, double width, double height) {
  sketch->ShowRegion(0, 0, width, height);
  return page.Add("FRAME", "board").Box(width, height).Fill(Solid(Rgb(0xFFFFFF)));
}

Sketch Instances(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = PageOf(&sketch);
  const Button button = DrawButton(page, 0);
  Node board = BoardOn(&sketch, page, 150, 210);
  Instance(&board, button.symbol, "plain").At(15, 10);
  Node red = Instance(&board, button.symbol, "red icon").At(15, 60);
  Override(&red, {Key(button.icon)}, Object().Set("fillPaints", List{Solid(Rgb(kRed))}));
  Node renamed = Instance(&board, button.symbol, "other text").At(15, 110);
  Override(&renamed, {Key(button.label)}, Object().Set("textData", Object().Set("characters", "STOP")));
  Derive(&renamed, {Key(button.label)}, TextChange(&sketch, "STOP"));
  Node hidden = Instance(&board, button.symbol, "no icon, green").At(15, 160).Set("fillPaints", List{Solid(Rgb(kGreen))});
  Override(&hidden, {Key(button.icon)}, Object().Set("visible", false));
  return sketch;
}

// Wider than its symbol: what moved and grew says so in what is derived.
Sketch Resized(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = PageOf(&sketch);
  const Button button = DrawButton(page, 0);
  Node board = BoardOn(&sketch, page, 230, 110);
  Node wide = Instance(&board, button.symbol, "wide").At(15, 15);
  wide.Set("fillGeometry", List()).Box(200, 80, 10);
  const std::size_t large = sketch.AddBlob(Outline().Oval(0, 0, 40, 40).blob());
  Derive(&wide, {Key(button.icon)},
         Object().Set("size", VectorOf(40, 40)).Set("transform", MatrixOf({1, 0, 20, 0, 1, 20})).Set(
             "fillGeometry", List{Object().Set("windingRule", "NONZERO").Set("commandsBlob", large)}));
  Derive(&wide, {Key(button.label)}, Object().Set("transform", MatrixOf({1, 0, 80, 0, 1, 28})));
  return sketch;
}

Sketch Nested(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = PageOf(&sketch);
  const Button button = DrawButton(page, 0);
  const Button round = DrawButton(page, 100);
  Node(round.symbol).Set("fillGeometry", List()).Box(120, 40, 20).Set("fillPaints", List{Solid(Rgb(kPlum))});
  Node bar = page.Add("SYMBOL", "bar").At(-300, 200).Box(280, 60).Fill(Solid(Rgb(kSand)));
  Node left = Instance(&bar, button.symbol, "left").At(10, 10);
  Node right = Instance(&bar, button.symbol, "right").At(150, 10);
  Override(&left, {Key(button.icon)}, Object().Set("fillPaints", List{Solid(Rgb(kGreen))}));
  Node board = BoardOn(&sketch, page, 310, 230);
  Instance(&board, bar, "as it is").At(15, 10);
  // The outermost change holds; it reaches through the inner instance by both keys.
  Node changed = Instance(&board, bar, "icons").At(15, 80);
  Override(&changed, {Key(left), Key(button.icon)}, Object().Set("fillPaints", List{Solid(Rgb(kRed))}));
  Override(&changed, {Key(right), Key(button.icon)}, Object().Set("opacity", 0.3));
  Node swapped = Instance(&board, bar, "another symbol on the right").At(15, 150);
  Override(&swapped, {Key(right)},
           Object().Set("overriddenSymbolID", round.symbol.Guid()).Set(
               "fillPaints", List{Solid(Rgb(kPlum))}).Set("fillGeometry", *round.symbol.change().Get("fillGeometry")));
  return sketch;
}

// Has no end when it is followed without care.
Sketch Endless(std::string_view name) {
  Sketch sketch{std::string(name)};
  Node page = PageOf(&sketch);
  Node symbol = page.Add("SYMBOL", "mirror").Box(100, 100).Fill(Solid(Rgb(kSky)));
  Instance(&symbol, symbol, "itself").At(10, 10);
  return sketch;
}

}  // namespace

std::vector<Sample> SymbolSamples() {
  return {
      {"instances", "a symbol, and instances that change it", Instances},
      {"instance-resized", "sizes and places that are derived", Resized},
      {"instances-nested", "changes through two levels, a swapped symbol", Nested},
      {"instance-endless", "a symbol with an instance of itself: refused", Endless},
  };
}

}  // namespace figgen
