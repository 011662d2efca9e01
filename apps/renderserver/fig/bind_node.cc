// Nodes, with the parts of them that symbols and instances have.
#include "fig/bind_kinds.h"

namespace fig {
namespace {

constexpr Choice kRemoved[] = {{"REMOVED", true}};
constexpr Choices kPhases = {kRemoved, false};

constexpr Choice kMaskNames[] = {
    {"ALPHA", static_cast<std::uint32_t>(MaskType::kAlpha)},
    {"OUTLINE", static_cast<std::uint32_t>(MaskType::kOutline)},
    {"LUMINANCE", static_cast<std::uint32_t>(MaskType::kLuminance)},
};
constexpr Choices kMasks = {kMaskNames, static_cast<std::uint32_t>(MaskType::kAlpha)};

constexpr Choice kAlignNames[] = {
    {"CENTER", static_cast<std::uint32_t>(StrokeAlign::kCenter)},
    {"INSIDE", static_cast<std::uint32_t>(StrokeAlign::kInside)},
    {"OUTSIDE", static_cast<std::uint32_t>(StrokeAlign::kOutside)},
};
constexpr Choices kAligns = {kAlignNames, static_cast<std::uint32_t>(StrokeAlign::kCenter)};

constexpr Choice kWindingNames[] = {
    {"NONZERO", static_cast<std::uint32_t>(Winding::kNonZero)},
    {"ODD", static_cast<std::uint32_t>(Winding::kOdd)},
};
constexpr Choices kWindings = {kWindingNames, static_cast<std::uint32_t>(Winding::kNonZero)};

// The kinds of shared styles stay texts; `ours` is the place in this table.
constexpr Choice kStyleNames[] = {{"NONE", 0}, {"FILL", 1}, {"STROKE", 2}, {"TEXT", 3},
                                  {"EFFECT", 4}, {"EXPORT", 5}, {"GRID", 6}, {"OTHER", 7}};
constexpr Choices kStyleTypes = {kStyleNames, 7};

constexpr Row StyleType() {
  Row row{"styleType", Want::kChoice};
  row.choices = &kStyleTypes;
  row.put = [](void* object, const Value& value) {
    std::optional<std::string>& type = static_cast<NodeChange*>(object)->style_type;
    type.reset();
    if (value.word != 0) type = kStyleNames[value.word].name;
  };
  return row;
}

// A shared style as newer files name it: a guid in an object of its own, which may lack it.
const Kind& StyleReference() {
  static constexpr Row kRows[] = {[] {
    Row row{"guid", Want::kObject};
    row.open = [](void* object) -> void* { return &static_cast<std::optional<Guid>*>(object)->emplace(); };
    row.kind = &KindOf<Guid>;
    return row;
  }()};
  static constexpr Kind kKind = {"StyleId", kRows};
  return kKind;
}
template <auto kMember>
constexpr Row NewStyle(std::string_view name) {
  Row row{name, Want::kObject};
  row.open = [](void* object) -> void* { return &bind::At<kMember>(object); };
  row.kind = &StyleReference;
  return row;
}
// As older files name it. Newer ones have both, and then the newer one holds.
template <auto kMember>
constexpr Row OldStyle(std::string_view name) {
  Row row{name, Want::kObject};
  row.open = [](void* object) -> void* {
    std::optional<Guid>& style = bind::At<kMember>(object);
    return style.has_value() && !style->null() ? nullptr : &style.emplace();
  };
  row.kind = &KindOf<Guid>;
  return row;
}

const Kind& ParentIndex() {
  static constexpr Row kRows[] = {Object<&NodeChange::parent>("guid"), One<&NodeChange::position>("position")};
  static constexpr Kind kKind = {"ParentIndex", kRows};
  return kKind;
}
const Kind& GuidPath() {
  static constexpr Row kRows[] = {List<&NodeChange::guid_path>("guids")};
  static constexpr Kind kKind = {"GUIDPath", kRows};
  return kKind;
}
const Kind& Generated() {
  static constexpr Row kRows[] = {List<&NodeChange::generated>("overrides")};
  static constexpr Kind kKind = {"NodeGenerationData", kRows};
  return kKind;
}
const Kind& DerivedGenerated() {
  static constexpr Row kRows[] = {List<&NodeChange::derived_generated>("overrides")};
  static constexpr Kind kKind = {"DerivedImmutableFrameData", kRows};
  return kKind;
}
const Kind& Thumbnail() {
  static constexpr Row kRows[] = {Object<&NodeChange::thumbnail_node>("nodeID")};
  static constexpr Kind kKind = {"ThumbnailInfo", kRows};
  return kKind;
}

constexpr Row kNodeRows[] = {
    Object<&NodeChange::guid>("guid"),
    Unfold("parentIndex", &ParentIndex),
    OneOf<&NodeChange::removed>("phase", kPhases),
    OneOf<&NodeChange::type>("type", kNodeTypes),
    One<&NodeChange::name>("name"),
    One<&NodeChange::visible>("visible"),
    One<&NodeChange::internal_only>("internalOnly"),
    One<&NodeChange::opacity>("opacity"),
    OneOf<&NodeChange::blend>("blendMode", kBlendModes),
    Object<&NodeChange::size>("size"),
    Object<&NodeChange::transform>("transform"),
    One<&NodeChange::section_contents_hidden>("sectionContentsHidden"),

    List<&NodeChange::fill_paints>("fillPaints"),
    List<&NodeChange::stroke_paints>("strokePaints"),
    List<&NodeChange::background_paints>("backgroundPaints"),
    Object<&NodeChange::background_colour>("backgroundColor"),
    One<&NodeChange::background_opacity>("backgroundOpacity"),
    One<&NodeChange::background_enabled>("backgroundEnabled"),
    One<&NodeChange::container_supports_fill>("containerSupportsFillStrokeAndCorners"),
    List<&NodeChange::effects>("effects"),

    One<&NodeChange::stroke_weight>("strokeWeight"),
    OneOf<&NodeChange::stroke_align>("strokeAlign", kAligns),
    List<&NodeChange::dash_pattern>("dashPattern"),
    One<&NodeChange::corner_radius>("cornerRadius"),
    One<&NodeChange::corner_top_left>("rectangleTopLeftCornerRadius"),
    One<&NodeChange::corner_top_right>("rectangleTopRightCornerRadius"),
    One<&NodeChange::corner_bottom_left>("rectangleBottomLeftCornerRadius"),
    One<&NodeChange::corner_bottom_right>("rectangleBottomRightCornerRadius"),
    One<&NodeChange::corners_independent>("rectangleCornerRadiiIndependent"),
    List<&NodeChange::fill_geometry>("fillGeometry"),
    List<&NodeChange::stroke_geometry>("strokeGeometry"),
    Object<&NodeChange::vector_data>("vectorData"),

    One<&NodeChange::mask>("mask"),
    One<&NodeChange::mask_is_outline>("maskIsOutline"),
    OneOf<&NodeChange::mask_type>("maskType", kMasks),
    One<&NodeChange::frame_mask_disabled>("frameMaskDisabled"),
    One<&NodeChange::resize_to_fit>("resizeToFit"),

    StyleType(),
    NewStyle<&NodeChange::fill_style>("styleIdForFill"),
    OldStyle<&NodeChange::fill_style>("inheritFillStyleID"),
    NewStyle<&NodeChange::stroke_style>("styleIdForStrokeFill"),
    OldStyle<&NodeChange::stroke_style>("inheritFillStyleIDForStroke"),
    NewStyle<&NodeChange::effect_style>("styleIdForEffect"),
    OldStyle<&NodeChange::effect_style>("inheritEffectStyleID"),
    OldStyle<&NodeChange::background_style>("inheritFillStyleIDForBackground"),
    NewStyle<&NodeChange::text_style>("styleIdForText"),
    OldStyle<&NodeChange::text_style>("inheritTextStyleID"),

    Object<&NodeChange::text>("textData"),
    Object<&NodeChange::derived_text>("derivedTextData"),
    One<&NodeChange::font_size>("fontSize"),

    Object<&NodeChange::symbol>("symbolData"),
    Object<&NodeChange::overridden_symbol>("overriddenSymbolID"),
    Object<&NodeChange::override_key>("overrideKey"),
    List<&NodeChange::derived_symbol>("derivedSymbolData"),
    Unfold("nodeGenerationData", &Generated),
    Unfold("derivedImmutableFrameData", &DerivedGenerated),

    Unfold("thumbnailInfo", &Thumbnail),
    Unfold("guidPath", &GuidPath),
    One<&NodeChange::style_id>("styleID"),
};

}  // namespace

template <>
const Kind& KindOf<Path>() {
  static constexpr Row kRows[] = {OneOf<&Path::winding>("windingRule", kWindings), One<&Path::blob>("commandsBlob"),
                                  One<&Path::style_id>("styleID")};
  static constexpr Kind kKind = {"Path", kRows};
  return kKind;
}

template <>
const Kind& KindOf<SymbolData>() {
  static constexpr Row kRows[] = {Object<&SymbolData::symbol_id>("symbolID"),
                                  List<&SymbolData::overrides>("symbolOverrides"),
                                  One<&SymbolData::uniform_scale>("uniformScaleFactor")};
  static constexpr Kind kKind = {"SymbolData", kRows};
  return kKind;
}

template <>
const Kind& KindOf<NodeChange>() {
  static constexpr Kind kKind = {"NodeChange", kNodeRows,
                                 [](void* object, std::uint64_t offset) { static_cast<NodeChange*>(object)->offset = offset; }};
  return kKind;
}

}  // namespace fig
