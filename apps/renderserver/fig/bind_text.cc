// Texts, and the vectors with the tables of styles that both have.
#include "fig/bind_kinds.h"

namespace fig {

template <>
const Kind& KindOf<Glyph>() {
  static constexpr Row kRows[] = {
      One<&Glyph::blob>("commandsBlob"),
      Object<&Glyph::position>("position"),
      One<&Glyph::font_size>("fontSize"),
      One<&Glyph::first_character>("firstCharacter"),
      One<&Glyph::style_id>("styleID"),
      One<&Glyph::rotation>("rotation"),
  };
  static constexpr Kind kKind = {"Glyph", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Decoration>() {
  static constexpr Row kRows[] = {List<&Decoration::rects>("rects"), One<&Decoration::style_id>("styleID")};
  static constexpr Kind kKind = {"Decoration", kRows};
  return kKind;
}

template <>
const Kind& KindOf<TextData>() {
  static constexpr Row kRows[] = {
      One<&TextData::characters>("characters"),
      List<&TextData::character_style_ids>("characterStyleIDs"),
      List<&TextData::styles>("styleOverrideTable"),
      List<&TextData::glyphs>("glyphs"),
      List<&TextData::decorations>("decorations"),
  };
  static constexpr Kind kKind = {"TextData", kRows};
  return kKind;
}

template <>
const Kind& KindOf<DerivedTextData>() {
  static constexpr Row kRows[] = {
      List<&DerivedTextData::glyphs>("glyphs"),
      List<&DerivedTextData::decorations>("decorations"),
      Object<&DerivedTextData::layout_size>("layoutSize"),
  };
  static constexpr Kind kKind = {"DerivedTextData", kRows};
  return kKind;
}

template <>
const Kind& KindOf<VectorData>() {
  static constexpr Row kRows[] = {
      One<&VectorData::network_blob>("vectorNetworkBlob"),
      Object<&VectorData::normalized_size>("normalizedSize"),
      List<&VectorData::styles>("styleOverrideTable"),
  };
  static constexpr Kind kKind = {"VectorData", kRows};
  return kKind;
}

}  // namespace fig
