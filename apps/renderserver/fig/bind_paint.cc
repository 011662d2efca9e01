// Paints and effects.
#include "fig/bind_kinds.h"

namespace fig {
namespace {

constexpr std::uint32_t Ours(PaintType type) { return static_cast<std::uint32_t>(type); }
constexpr Choice kPaintTypeNames[] = {
    {"SOLID", Ours(PaintType::kSolid)},
    {"GRADIENT_LINEAR", Ours(PaintType::kGradientLinear)},
    {"GRADIENT_RADIAL", Ours(PaintType::kGradientRadial)},
    {"GRADIENT_ANGULAR", Ours(PaintType::kGradientAngular)},
    {"GRADIENT_DIAMOND", Ours(PaintType::kGradientDiamond)},
    {"IMAGE", Ours(PaintType::kImage)},
    {"EMOJI", Ours(PaintType::kEmoji)},
};
constexpr Choices kPaintTypes = {kPaintTypeNames, Ours(PaintType::kOther)};

constexpr std::uint32_t Ours(EffectType type) { return static_cast<std::uint32_t>(type); }
constexpr Choice kEffectTypeNames[] = {
    {"INNER_SHADOW", Ours(EffectType::kInnerShadow)},
    {"DROP_SHADOW", Ours(EffectType::kDropShadow)},
    {"FOREGROUND_BLUR", Ours(EffectType::kForegroundBlur)},
    {"BACKGROUND_BLUR", Ours(EffectType::kBackgroundBlur)},
};
constexpr Choices kEffectTypes = {kEffectTypeNames, Ours(EffectType::kOther)};

constexpr std::uint32_t Ours(ImageScaleMode mode) { return static_cast<std::uint32_t>(mode); }
constexpr Choice kScaleModeNames[] = {
    {"STRETCH", Ours(ImageScaleMode::kStretch)},
    {"FIT", Ours(ImageScaleMode::kFit)},
    {"FILL", Ours(ImageScaleMode::kFill)},
    {"TILE", Ours(ImageScaleMode::kTile)},
};
constexpr Choices kScaleModes = {kScaleModeNames, Ours(ImageScaleMode::kFill)};

// SHA-1 of the picture, which is also the name of its entry.
constexpr Row Hash() {
  Row row{"hash", Want::kBytes};
  row.put = [](void* object, const Value& value) {
    constexpr std::size_t kSize = 20;
    constexpr char kDigits[] = "0123456789abcdef";
    std::string& hash = static_cast<ImageRef*>(object)->hash;
    hash.clear();
    if (value.bytes.size != kSize) return;
    for (std::size_t i = 0; i < kSize; ++i) {
      hash += {kDigits[value.bytes.data[i] >> 4], kDigits[value.bytes.data[i] & 15]};
    }
  };
  return row;
}

}  // namespace

template <>
const Kind& KindOf<ColourStop>() {
  static constexpr Row kRows[] = {Object<&ColourStop::colour>("color"), One<&ColourStop::position>("position")};
  static constexpr Kind kKind = {"ColorStop", kRows};
  return kKind;
}

template <>
const Kind& KindOf<ImageRef>() {
  static constexpr Row kRows[] = {Hash(), One<&ImageRef::blob>("dataBlob"), One<&ImageRef::name>("name")};
  static constexpr Kind kKind = {"Image", kRows};
  return kKind;
}

template <>
const Kind& KindOf<PaintFilter>() {
  static constexpr Row kRows[] = {
      One<&PaintFilter::tint>("tint"),
      One<&PaintFilter::shadows>("shadows"),
      One<&PaintFilter::highlights>("highlights"),
      One<&PaintFilter::detail>("detail"),
      One<&PaintFilter::exposure>("exposure"),
      One<&PaintFilter::vignette>("vignette"),
      One<&PaintFilter::temperature>("temperature"),
      One<&PaintFilter::vibrance>("vibrance"),
      One<&PaintFilter::contrast>("contrast"),
      One<&PaintFilter::brightness>("brightness"),
      One<&PaintFilter::saturation>("saturation"),
  };
  static constexpr Kind kKind = {"PaintFilterMessage", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Paint>() {
  static constexpr Row kRows[] = {
      OneOf<&Paint::type>("type", kPaintTypes),
      Object<&Paint::colour>("color"),
      One<&Paint::opacity>("opacity"),
      One<&Paint::visible>("visible"),
      OneOf<&Paint::blend>("blendMode", kBlendModes),
      List<&Paint::stops>("stops"),
      Object<&Paint::transform>("transform"),
      Object<&Paint::image>("image"),
      OneOf<&Paint::scale_mode>("imageScaleMode", kScaleModes),
      One<&Paint::scale>("scale"),
      One<&Paint::rotation>("rotation"),
      One<&Paint::original_width>("originalImageWidth"),
      One<&Paint::original_height>("originalImageHeight"),
      Object<&Paint::filter>("paintFilter"),
  };
  static constexpr Kind kKind = {"Paint", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Effect>() {
  static constexpr Row kRows[] = {
      OneOf<&Effect::type>("type", kEffectTypes),
      Object<&Effect::colour>("color"),
      Object<&Effect::offset>("offset"),
      One<&Effect::radius>("radius"),
      One<&Effect::spread>("spread"),
      One<&Effect::visible>("visible"),
      OneOf<&Effect::blend>("blendMode", kBlendModes),
      One<&Effect::show_behind_node>("showShadowBehindNode"),
  };
  static constexpr Kind kKind = {"Effect", kRows};
  return kKind;
}

}  // namespace fig
