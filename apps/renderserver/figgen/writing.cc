#include "figgen/writing.h"

#include "figgen/letters.h"

namespace figgen {
namespace {

constexpr double kLineHeight = 1.2, kBaseLine = 0.95;  // of the font's size

Object Overriding(const std::vector<Object>& path, const Object& change) {
  List guids;
  for (const Object& guid : path) guids.push_back(guid);
  Object with_path = Object().Set("guidPath", Object().Set("guids", guids));
  for (const auto& [name, value] : change.fields()) with_path.Set(name, value);
  return with_path;
}

}  // namespace

List Glyphs(Sketch* sketch, const std::string& text, double size, double y, const std::vector<unsigned>& style_of) {
  List glyphs;
  for (std::size_t i = 0; i < text.size(); ++i) {
    Object glyph;
    glyph.Set("commandsBlob", sketch->AddBlob(LetterOutline(text[i]).blob()));  // a space's is empty
    glyph.Set("position", VectorOf(static_cast<double>(i) * kLetterAdvance * size, y)).Set("fontSize", size);
    glyph.Set("firstCharacter", i).Set("advance", kLetterAdvance);
    if (i < style_of.size() && style_of[i] != 0) glyph.Set("styleID", style_of[i]);
    glyphs.push_back(std::move(glyph));
  }
  return glyphs;
}

Node& Write(Node* node, const std::string& text, double size, GlyphPlace place) {
  node->Size(static_cast<double>(text.size()) * kLetterAdvance * size, kLineHeight * size);
  node->Set("fontSize", size);
  node->Set("fontName", Object().Set("family", "Squares").Set("style", "Regular").Set("postscript", "Squares"));
  Object text_data = Object().Set("characters", text);
  List glyphs = Glyphs(&node->sketch(), text, size, kBaseLine * size);
  if (place == GlyphPlace::kTextData) return node->Set("textData", text_data.Set("glyphs", std::move(glyphs)));
  node->Set("textData", text_data);
  return node->Set("derivedTextData", Object()
                                          .Set("layoutSize", *node->change().Get("size"))
                                          .Set("glyphs", std::move(glyphs)));
}

Node& WriteRuns(Node* node, const std::string& text, double size, const std::vector<unsigned>& style_of,
                const std::vector<Object>& paints) {
  Write(node, text, size);
  List ids, table;
  for (const unsigned id : style_of) ids.push_back(id);
  for (std::size_t i = 0; i < paints.size(); ++i) {
    table.push_back(Object().Set("styleID", i + 1).Set("fillPaints", List{paints[i]}));
  }
  node->Set("textData",
            Object().Set("characters", text).Set("characterStyleIDs", ids).Set("styleOverrideTable", table));
  node->change().Get("derivedTextData")->object().Set(
      "glyphs", Glyphs(&node->sketch(), text, size, kBaseLine * size, style_of));
  return *node;
}

Node Instance(Node* parent, const Node& symbol, std::string_view name) {
  Node instance = parent->Add("INSTANCE", name);
  for (const char* field : {"size", "fillPaints", "fillGeometry", "strokePaints", "strokeGeometry", "strokeWeight",
                            "strokeAlign", "cornerRadius", "frameMaskDisabled"}) {
    if (const Value* value = symbol.change().Get(field)) instance.Set(field, *value);
  }
  return instance.Set("symbolData", Object().Set("symbolID", symbol.Guid()));
}

void Override(Node* instance, const std::vector<Object>& path, Object change) {
  Object& symbol = instance->change().Get("symbolData")->object();
  if (symbol.Get("symbolOverrides") == nullptr) symbol.Set("symbolOverrides", List());
  symbol.Get("symbolOverrides")->list().push_back(Overriding(path, change));
}

void Derive(Node* instance, const std::vector<Object>& path, Object change) {
  if (instance->change().Get("derivedSymbolData") == nullptr) instance->Set("derivedSymbolData", List());
  instance->change().Get("derivedSymbolData")->list().push_back(Overriding(path, change));
}

Node Style(Sketch* sketch, const char* type, std::string_view name) {
  return sketch->internal_page().Add("ROUNDED_RECTANGLE", name).Set("styleType", type).Set("visible", false);
}

}  // namespace figgen
