#include "fig/bind_kinds.h"

namespace fig {
namespace {

constexpr std::uint32_t Ours(BlendMode mode) { return static_cast<std::uint32_t>(mode); }
constexpr Choice kBlendNames[] = {
    {"PASS_THROUGH", Ours(BlendMode::kPassThrough)},
    {"NORMAL", Ours(BlendMode::kNormal)},
    {"DARKEN", Ours(BlendMode::kDarken)},
    {"MULTIPLY", Ours(BlendMode::kMultiply)},
    {"LINEAR_BURN", Ours(BlendMode::kLinearBurn)},
    {"COLOR_BURN", Ours(BlendMode::kColorBurn)},
    {"LIGHTEN", Ours(BlendMode::kLighten)},
    {"SCREEN", Ours(BlendMode::kScreen)},
    {"LINEAR_DODGE", Ours(BlendMode::kLinearDodge)},
    {"COLOR_DODGE", Ours(BlendMode::kColorDodge)},
    {"OVERLAY", Ours(BlendMode::kOverlay)},
    {"SOFT_LIGHT", Ours(BlendMode::kSoftLight)},
    {"HARD_LIGHT", Ours(BlendMode::kHardLight)},
    {"DIFFERENCE", Ours(BlendMode::kDifference)},
    {"EXCLUSION", Ours(BlendMode::kExclusion)},
    {"HUE", Ours(BlendMode::kHue)},
    {"SATURATION", Ours(BlendMode::kSaturation)},
    {"COLOR", Ours(BlendMode::kColor)},
    {"LUMINOSITY", Ours(BlendMode::kLuminosity)},
};

constexpr std::uint32_t Ours(NodeType type) { return static_cast<std::uint32_t>(type); }
constexpr Choice kNodeNames[] = {
    {"NONE", Ours(NodeType::kUnknown)},
    {"DOCUMENT", Ours(NodeType::kDocument)},
    {"CANVAS", Ours(NodeType::kCanvas)},
    {"FRAME", Ours(NodeType::kFrame)},
    {"SYMBOL", Ours(NodeType::kSymbol)},
    {"INSTANCE", Ours(NodeType::kInstance)},
    {"RECTANGLE", Ours(NodeType::kRectangle)},
    {"ROUNDED_RECTANGLE", Ours(NodeType::kRoundedRectangle)},
    {"ELLIPSE", Ours(NodeType::kEllipse)},
    {"LINE", Ours(NodeType::kLine)},
    {"STAR", Ours(NodeType::kStar)},
    {"REGULAR_POLYGON", Ours(NodeType::kRegularPolygon)},
    {"VECTOR", Ours(NodeType::kVector)},
    {"BOOLEAN_OPERATION", Ours(NodeType::kBooleanOperation)},
    {"TEXT", Ours(NodeType::kText)},
    {"SECTION", Ours(NodeType::kSection)},
    {"SLICE", Ours(NodeType::kSlice)},
    {"SHAPE_WITH_TEXT", Ours(NodeType::kShapeWithText)},
    {"CONNECTOR", Ours(NodeType::kConnector)},
    {"STAMP", Ours(NodeType::kStamp)},
    {"STICKY", Ours(NodeType::kSticky)},
    {"WIDGET", Ours(NodeType::kWidget)},
    {"MODULE", Ours(NodeType::kModule)},
    {"SLIDE", Ours(NodeType::kSlide)},
    {"SLIDE_ROW", Ours(NodeType::kSlideRow)},
    {"SLIDE_GRID", Ours(NodeType::kSlideGrid)},
    {"VARIABLE", Ours(NodeType::kVariable)},
    {"VARIABLE_SET", Ours(NodeType::kVariableSet)},
};

}  // namespace

constinit const Choices kBlendModes = {kBlendNames, Ours(BlendMode::kNormal)};
constinit const Choices kNodeTypes = {kNodeNames, Ours(NodeType::kOther)};

const char* Word(NodeType type) {
  for (const Choice& choice : kNodeNames) {
    if (choice.ours == Ours(type)) return choice.name.data();  // a literal: it ends in a zero
  }
  return "OTHER";
}

}  // namespace fig
