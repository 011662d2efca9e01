#include "svg/images.h"

#include <algorithm>
#include <cmath>

#include "raster/filter.h"
#include "raster/image.h"
#include "raster/raster.h"
#include "svg/image_file.h"
#include "svg/number.h"

namespace svg {
namespace {

using scene::ImageScaleMode;
using scene::Matrix;
using scene::Rect;

const char* MimeType(raster::ImageKind kind) {
  switch (kind) {
    case raster::ImageKind::kPng: return "image/png";
    case raster::ImageKind::kJpeg: return "image/jpeg";
    case raster::ImageKind::kGif: return "image/gif";
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
  return "<use" + Attribute("xlink:href", "#" + image.id) + TransformAttribute("transform", to_node) + "/>";
}

const Images::Known& Images::Find(const scene::Paint& paint) {
  const std::string key = paint.image_key + (paint.filter ? raster::FilterKey(*paint.filter) : "");
  auto place = known_.find(key);
  if (place == known_.end()) place = known_.emplace(key, Define(paint)).first;
  return place->second;
}

// PNG, JPEG and GIF go as they are: every viewer knows them.
Images::Known Images::Define(const scene::Paint& paint) {
  const raster::ImageKind kind = raster::KindOf(paint.image);
  const auto size = raster::MeasureImage(paint.image, paint.image_key, budget_);
  if (!size.ok()) {
    if (fig::EndsAll(size.fault().kind)) fault_ = size.fault();
    remarks_->insert("an image is missing or broken");
    return {};
  }
  const char* type = MimeType(kind);
  if (type == nullptr || paint.filter || !IsWhole(paint.image, kind)) return DefineDecoded(paint);
  if (!markup_->Has(paint.image.size / 3 * 4)) return {};
  return Embed(type, WithoutExif(paint.image, kind), size.value().width, size.value().height);
}

// What viewers may not know, or not the colours of: its pixels as PNG.
Images::Known Images::DefineDecoded(const scene::Paint& paint) {
  auto image = raster::DecodeImage(paint.image, paint.image_key, 0, budget_);
  if (!image.ok()) {
    if (fig::EndsAll(image.fault().kind)) fault_ = image.fault();
    remarks_->insert("an image is missing or broken");
    return {};
  }
  decoded_pixels_ += image->pixels.size();
  if (decoded_pixels_ > budget_.images_pixels) {
    fault_ = fig::Fault{fig::FaultClass::kBudget, "images of more than " + std::to_string(budget_.images_pixels) + " pixels in all",
                        fig::Fault::kNowhere, ""};
    return {};
  }
  if (paint.filter) raster::ApplyFilter(*paint.filter, image.value());
  const auto png = raster::EncodePng({image->width, image->height, std::move(image->pixels)});
  if (!png.ok()) {
    fault_ = png.fault();
    return {};
  }
  const std::string bytes(png.value().begin(), png.value().end());
  return Embed("image/png", bytes, image->width, image->height);
}

Images::Known Images::Embed(const char* type, const std::string& bytes, double width, double height) {
  if (!markup_->Has(bytes.size() / 3 * 4)) return {};
  std::string tail = Attribute("width", width) + Attribute("height", height) + " preserveAspectRatio=\"none\" xlink:href=\"data:";
  tail += type;
  tail += ";base64," + Base64(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) + "\"/>";
  return {markup_->Define("i", "<image", tail), width, height};
}

std::string Images::Tiles(const Known& image, const scene::Paint& paint, const Rect& area) {
  const Matrix scale{paint.tile_scale, 0, 0, paint.tile_scale, 0, 0};
  std::string tail = " patternUnits=\"userSpaceOnUse\"" + Attribute("width", image.width) + Attribute("height", image.height);
  tail += TransformAttribute("patternTransform", Turned(paint.rotation) * scale);
  tail += "><use" + Attribute("xlink:href", "#" + image.id) + "/></pattern>";
  const std::string pattern = markup_->Define("t", "<pattern", tail);
  return "<rect" + BoxAttributes(area) + Attribute("fill", Reference(pattern)) + "/>";
}

// What stands for an image that is not there: grey squares.
std::string Images::Checkers(const Rect& area) {
  const std::string pattern = markup_->Define(
      "t", "<pattern", " patternUnits=\"userSpaceOnUse\" width=\"16\" height=\"16\"><path fill=\"#fff\" d=\"M0 0h16v16h-16z\"/>"
                       "<path fill=\"#e6e6e6\" d=\"M0 0h8v16h8v-8h-16z\"/></pattern>");
  return "<rect" + BoxAttributes(area) + Attribute("fill", Reference(pattern)) + "/>";
}

}  // namespace svg
