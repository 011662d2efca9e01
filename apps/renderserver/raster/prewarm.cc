#include <mutex>
#include <string_view>

#include "raster/image.h"
#include "raster/prewarm_images.h"
#include "raster/raster.h"

namespace raster {
namespace {

using scene::Effect;
using scene::Node;
using scene::Outline;

// A scene of 16 x 16 in which all that a painter can do is done once.
class Everything {
 public:
  Everything() {
    scene_.nodes.reserve(64);
    scene_.nodes.resize(1);
    scene_.region = {0, 0, 16, 16};
    scene_.outlines.push_back({{Outline::kMove, Outline::kLine, Outline::kCubic, Outline::kQuad, Outline::kClose},
                               {1, 1, 14, 1, 15, 8, 15, 14, 14, 14, 3, 14, 1, 13}, {1, 1, 14, 13}});
  }
  scene::Scene Make() {
    for (int type = 0; type <= static_cast<int>(scene::PaintType::kImage); ++type) Paints(static_cast<scene::PaintType>(type));
    for (int mode = 0; mode <= static_cast<int>(scene::BlendMode::kLuminosity); ++mode) {
      Node group = Plain();
      group.blend = static_cast<scene::BlendMode>(mode);
      group.opacity = 0.5F;
      AddBelow(Plain(), AddBelow(std::move(group), 0));
    }
    for (const auto type : {Effect::Type::kDropShadow, Effect::Type::kInnerShadow, Effect::Type::kLayerBlur, Effect::Type::kBackgroundBlur}) {
      Node node = Plain();
      node.effects = {{type, {0, 0, 0, 0.5F}, {1, 1}, 3, 1, scene::BlendMode::kMultiply, false}, {type, {0, 0, 0, 1}, {1, 1}, 60, 0, scene::BlendMode::kNormal, false}};
      AddBelow(Plain(), AddBelow(std::move(node), 0));
    }
    for (const auto mask : {scene::Mask::kAlpha, scene::Mask::kOutline, scene::Mask::kLuminance}) {
      Node node = Plain();
      node.mask = mask;
      AddBelow(std::move(node), 0);
    }
    return std::move(scene_);
  }

 private:
  void Paints(scene::PaintType type) {
    for (const std::string_view image : {Text(kPngBytes), Text(kJpegBytes), Text(kProgressiveBytes), Text(kGifBytes), Text(kWebpBytes), Text(kLossyBytes)}) {
      scene::Paint paint;
      paint.type = type;
      paint.opacity = 0.5F;
      paint.stops = {{{0, 0, 0, 1}, 0}, {{1, 1, 1, 0}, 1}};
      paint.to_node = {16, 0, 0, 16, 0, 0};
      paint.image = fig::BytesOf(image);
      paint.image_key = image;
      paint.scale_mode = paint.image.data == kGifBytes ? scene::ImageScaleMode::kTile : scene::ImageScaleMode::kFit;
      if (paint.image.data == kPngBytes) paint.filter.emplace().saturation = 0.5F;
      scene_.paints.push_back({paint});
      Node node = Plain();
      node.transform = {0.2, 0.01, 0, 0.2, 1, 1};  // small: images are halved
      AddBelow(std::move(node), 0);
      if (type != scene::PaintType::kImage) return;
    }
  }
  Node Plain() {
    Node node;
    node.width = node.height = 16;
    if (scene_.paints.empty()) scene_.paints.push_back({scene::Paint{}});
    node.fills.push_back({&scene_.outlines.back(), scene::Winding::kOdd, {}, &scene_.paints.back(), false});
    node.clip_shapes = node.strokes = node.fills;
    node.stroke_align = scene::StrokeAlign::kInside;
    node.clips = true;
    return node;
  }
  std::uint32_t AddBelow(Node node, std::uint32_t parent) {
    const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
    scene_.nodes.push_back(std::move(node));
    std::uint32_t* link = &scene_.nodes[parent].first_child;
    while (*link != Node::kNone) link = &scene_.nodes[*link].next_sibling;
    *link = index;
    return index;
  }

  scene::Scene scene_;
};

void WarmUp() {
  const scene::Scene scene = Everything().Make();
  std::vector<std::string> remarks;
  const auto picture = Paint(scene, {}, {}, &remarks);
  if (picture.ok()) static_cast<void>(EncodePng(picture.value()).ok());
}

}  // namespace

void Prewarm() {
  static std::once_flag once;
  std::call_once(once, WarmUp);
}

}  // namespace raster
