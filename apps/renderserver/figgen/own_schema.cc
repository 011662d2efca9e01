// The names are those of the format, the numbers are our own: a decoder must not know them.
#include "figgen/schema_text.h"

namespace figgen {
namespace {

constexpr std::string_view kEnums = R"(
enum MessageType { JOIN_START NODE_CHANGES }
enum NodePhase { CREATED REMOVED }
enum NodeType {
  NONE DOCUMENT CANVAS FRAME SYMBOL INSTANCE RECTANGLE ROUNDED_RECTANGLE ELLIPSE LINE STAR REGULAR_POLYGON
  VECTOR BOOLEAN_OPERATION TEXT SECTION SLICE SHAPE_WITH_TEXT CONNECTOR STAMP STICKY WIDGET MODULE SLIDE
  SLIDE_ROW SLIDE_GRID VARIABLE VARIABLE_SET TABLE
}
enum BlendMode {
  PASS_THROUGH NORMAL DARKEN MULTIPLY LINEAR_BURN COLOR_BURN LIGHTEN SCREEN LINEAR_DODGE COLOR_DODGE OVERLAY
  SOFT_LIGHT HARD_LIGHT DIFFERENCE EXCLUSION HUE SATURATION COLOR LUMINOSITY
}
enum PaintType {
  SOLID GRADIENT_LINEAR GRADIENT_RADIAL GRADIENT_ANGULAR GRADIENT_DIAMOND IMAGE EMOJI VIDEO PATTERN
}
enum ImageScaleMode { STRETCH FIT FILL TILE }
enum EffectType { INNER_SHADOW DROP_SHADOW FOREGROUND_BLUR BACKGROUND_BLUR REPEAT GRAIN }
enum MaskType { ALPHA OUTLINE LUMINANCE }
enum StrokeAlign { CENTER INSIDE OUTSIDE }
enum WindingRule { NONZERO ODD }
enum StyleType { NONE FILL STROKE TEXT EFFECT EXPORT GRID }
enum BooleanOperation { UNION INTERSECT SUBTRACT XOR }
)";

constexpr std::string_view kValues = R"(
struct GUID { uint sessionID  uint localID }
struct ParentIndex { GUID guid  string position }
struct Vector { float x  float y }
struct Matrix { float m00  float m01  float m02  float m10  float m11  float m12 }
struct Color { float r  float g  float b  float a }
struct ColorStop { Color color  float position }
struct Rect { float x  float y  float w  float h }
struct FontName { string family  string style  string postscript }
struct Blob { byte[] bytes }
message StyleId { GUID guid }
message GUIDPath { GUID[] guids }
message Image { byte[] hash  string name  uint dataBlob }
message PaintFilterMessage {
  float tint  float shadows  float highlights  float detail  float exposure  float vignette
  float temperature  float vibrance  float contrast  float brightness  float saturation
}
message Paint {
  PaintType type  Color color  float opacity  bool visible  BlendMode blendMode  ColorStop[] stops
  Matrix transform  Image image  ImageScaleMode imageScaleMode  float rotation  float scale
  PaintFilterMessage paintFilter  uint originalImageWidth  uint originalImageHeight  uint[] emojiCodePoints
}
message Effect {
  EffectType type  Color color  Vector offset  float radius  bool visible  BlendMode blendMode  float spread
  bool showShadowBehindNode
}
message Path { WindingRule windingRule  uint commandsBlob  uint styleID }
message Glyph {
  uint commandsBlob  Vector position  uint styleID  float fontSize  uint firstCharacter  float advance
  float rotation
}
message Decoration { Rect[] rects  uint styleID }
message PluginData { string pluginID  string key  string value }
message EditInfo { int64 timestampOffset  uint64 createdAt  int userIndex }
message ThumbnailInfo { GUID nodeID }
)";

constexpr std::string_view kNodes = R"(
message TextData {
  string characters  uint[] characterStyleIDs  NodeChange[] styleOverrideTable  Glyph[] glyphs
  Decoration[] decorations
}
message DerivedTextData { Vector layoutSize  Glyph[] glyphs  Decoration[] decorations }
message VectorData { uint vectorNetworkBlob  Vector normalizedSize  NodeChange[] styleOverrideTable }
message SymbolData { GUID symbolID  NodeChange[] symbolOverrides  float uniformScaleFactor }
message NodeGenerationData { NodeChange[] overrides }
message DerivedImmutableFrameData { NodeChange[] overrides }
message NodeChange {
  GUID guid  NodePhase phase  ParentIndex parentIndex  NodeType type  string name  bool visible  bool locked
  float opacity  BlendMode blendMode  Vector size  Matrix transform  float[] dashPattern  bool mask
  bool maskIsOutline  MaskType maskType  float backgroundOpacity  float cornerRadius  float strokeWeight
  StrokeAlign strokeAlign  Paint[] fillPaints  Paint[] strokePaints  Paint[] backgroundPaints
  Color backgroundColor  bool backgroundEnabled  Effect[] effects  Path[] fillGeometry  Path[] strokeGeometry
  float rectangleTopLeftCornerRadius  float rectangleTopRightCornerRadius
  float rectangleBottomLeftCornerRadius  float rectangleBottomRightCornerRadius
  bool rectangleCornerRadiiIndependent  bool frameMaskDisabled  bool resizeToFit  bool internalOnly
  bool containerSupportsFillStrokeAndCorners  bool sectionContentsHidden  VectorData vectorData
  BooleanOperation booleanOperation  TextData textData  DerivedTextData derivedTextData  float fontSize
  FontName fontName  SymbolData symbolData  GUID overriddenSymbolID  GUID overrideKey
  NodeChange[] derivedSymbolData  GUIDPath guidPath  NodeGenerationData nodeGenerationData
  DerivedImmutableFrameData derivedImmutableFrameData  StyleType styleType  uint styleID
  GUID inheritFillStyleID  GUID inheritFillStyleIDForStroke  GUID inheritEffectStyleID
  GUID inheritFillStyleIDForBackground  GUID inheritTextStyleID  StyleId styleIdForText  StyleId styleIdForFill  StyleId styleIdForStrokeFill
  StyleId styleIdForEffect  PluginData[] pluginData  EditInfo editInfo  ThumbnailInfo thumbnailInfo
  uint64 strokeSeed  bool[] flagsForTest
}
message Message { MessageType type  uint sessionID  NodeChange[] nodeChanges  Blob[] blobs  int pasteID }
)";

}  // namespace

const SchemaTable& OwnSchema() {
  static const SchemaTable schema =
      ParseSchemaText(std::string(kEnums) + std::string(kValues) + std::string(kNodes));
  return schema;
}

}  // namespace figgen
