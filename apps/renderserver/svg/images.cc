#include "svg/images.h"

#include <algorithm>
#include <cmath>

#include "svg/image_file.h"
#include "svg/number.h"

namespace svg {
namespace {

using scene::ImageScaleMode;
using scene::Matrix;
using scene::Rect;

const char* MimeType(ImageFile::Kind kind) {
  switch (kind) {
    case ImageFile::Kind::kPng: return "image/png";
    case ImageFile::Kind::kJpeg: return "image/jpeg";
    case ImageFile::Kind::kGif: return "image/gif";
    default: return nullptr;
  }
}

// By the nearest quarter of a turn.
Matrix Turned(double degrees) {
  switch ((std::lround(degrees / 90) % 4 + 4) % 4) {
    case 1: return {0, 1, -1, 0, 0, 0};
    case 2: return {-1, 0, 0, -1, 0, 0};
    case 3: return {0, -1, 1, 0, 0, 0};
    default: return {};
  }
}

// Image pixels -> node, for the modes that keep the proportions: centred in the node's box.
Matrix Placed(const Rect& node, double width, double height, const scene::Paint& paint) {
  const bool aside = std::lround(paint.rotation / 90) % 2 != 0;
  const double across = node.width / (aside ? height : width), down = node.height / (aside ? width : height);
  const double scale = paint.scale_mode == ImageScaleMode::kFit ? std::min(across, down) : std::max(across, down);
  const Matrix centre{1, 0, 0, 1, node.x + node.width / 2, node.y + node.height / 2};
  return centre * Turned(paint.rotation) * Matrix{scale, 0, 0, scale, -width / 2 * scale, -height / 2 * scale};
}

}  // namespace

std::string Images::Content(const scene::Paint& paint, const Rect& node, const Rect& area) {
  const Known& image = Find(paint);
  if (image.id.empty()) return Checkers(area);
  if (paint.scale_mode == ImageScaleMode::kTile) return Tiles(image, paint, area);
  const Matrix to_node = paint.scale_mode == ImageScaleMode::kStretch
                             ? paint.to_node * Matrix{1 / image.width, 0, 0, 1 / image.height, 0, 0}
                             : Placed(node, image.width, image.height, paint);
  const std::string transform = TransformValue(to_node);
  return "<use" + Attribute("xlink:href", "#" + image.id) + (transform.empty() ? "" : Attribute("transform", transform)) + "/>";
}

const Images::Known& Images::Find(const scene::Paint& paint) {
  auto place = known_.find(paint.image_key);
  if (place == known_.end()) place = known_.emplace(paint.image_key, Define(paint)).first;
  return place->second;
}

Images::Known Images::Define(const scene::Paint& paint) {
  const ImageFile file = Sniff(paint.image);
  const char* type = MimeType(file.kind);
  const std::uint64_t pixels = std::uint64_t{file.width} * file.height;
  if (pixels > budget_.image_pixels) {
    fault_ = fig::Fault{fig::FaultClass::kBudget, std::to_string(file.width) + " x " + std::to_string(file.height) + " pixels",
                        fig::Fault::kNowhere, "image " + Escaped(paint.image_key, 64)};
    return {};
  }
  if (type == nullptr || pixels == 0) {
    remarks_->insert("an image is missing or broken");
    return {};
  }
  if (!markup_->Has(paint.image.size / 3 * 4)) return {};
  const std::string bytes = WithoutExif(paint.image, file.kind);
  const double width = file.width, height = file.height;
  std::string tail = Attribute("width", width) + Attribute("height", height) + " preserveAspectRatio=\"none\" xlink:href=\"data:";
  tail += type;
  tail += ";base64," + Base64(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) + "\"/>";
  return {markup_->Define("i", "<image", tail), width, height};
}

std::string Images::Tiles(const Known& image, const scene::Paint& paint, const Rect& area) {
  const Matrix scale{paint.tile_scale, 0, 0, paint.tile_scale, 0, 0};
  const std::string transform = TransformValue(Turned(paint.rotation) * scale);
  std::string tail = " patternUnits=\"userSpaceOnUse\"" + Attribute("width", image.width) + Attribute("height", image.height);
  if (!transform.empty()) tail += Attribute("patternTransform", transform);
  tail += "><use" + Attribute("xlink:href", "#" + image.id) + "/></pattern>";
  const std::string pattern = markup_->Define("t", "<pattern", tail);
  return "<rect" + Attribute("x", area.x) + Attribute("y", area.y) + Attribute("width", area.width) +
         Attribute("height", area.height) + Attribute("fill", Reference(pattern)) + "/>";
}

// What stands for an image that is not there: grey squares.
std::string Images::Checkers(const Rect& area) {
  const std::string pattern = markup_->Define(
      "t", "<pattern", " patternUnits=\"userSpaceOnUse\" width=\"16\" height=\"16\"><path fill=\"#fff\" d=\"M0 0h16v16h-16z\"/>"
                       "<path fill=\"#e6e6e6\" d=\"M0 0h8v16h8v-8h-16z\"/></pattern>");
  return "<rect" + Attribute("x", area.x) + Attribute("y", area.y) + Attribute("width", area.width) +
         Attribute("height", area.height) + Attribute("fill", Reference(pattern)) + "/>";
}

}  // namespace svg
