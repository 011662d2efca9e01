// Texts of our own letters, symbols with instances: what takes more than a field or two.
#pragma once

#include <string>
#include <vector>

#include "figgen/builder.h"

namespace figgen {

// Glyphs of a line of text, with the base line at y. `style_of` gives a style id per character.
List Glyphs(Sketch* sketch, const std::string& text, double size, double y,
            const std::vector<unsigned>& style_of = {});

enum class GlyphPlace : std::uint8_t { kDerived, kTextData };  // in newer and in older files

// A TEXT node's content: characters, glyphs, size.
Node& Write(Node* node, const std::string& text, double size, GlyphPlace place = GlyphPlace::kDerived);

// A text in which characters have paints of their own: style ids from 1, by the order of `paints`.
Node& WriteRuns(Node* node, const std::string& text, double size, const std::vector<unsigned>& style_of,
                const std::vector<Object>& paints);

// An INSTANCE with what such a node carries of its symbol: size, paints, geometry.
Node Instance(Node* parent, const Node& symbol, std::string_view name);

// Changes what `path` leads to. An element is a node's overrideKey, else its guid.
void Override(Node* instance, const std::vector<Object>& path, Object change);
void Derive(Node* instance, const std::vector<Object>& path, Object change);  // derivedSymbolData

// A shared style: a node that is not drawn, on the internal page.
Node Style(Sketch* sketch, const char* type, std::string_view name);

}  // namespace figgen
