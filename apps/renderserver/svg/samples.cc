// A scene for each thing that can be drawn.
#include <webp/encode.h>

#include <functional>

#include "raster/raster.h"
#include "svg/image_file.h"
#include "svg/testing.h"

namespace svg::testing {
namespace {

using scene::BlendMode;
using scene::Effect;
using scene::PaintType;
using scene::Winding;

constexpr double kSide = 120;
const scene::Rect kAll{0, 0, kSide, kSide};
const std::vector<scene::ColourStop> kThreeStops = {{{.9f, .1f, .2f, 1}, .1f}, {{1, .9f, .2f, 1}, .5f}, {{.1f, .3f, .9f, 1}, .95f}};
const std::vector<scene::ColourStop> kFading = {{{.1f, .5f, .2f, 1}, 0}, {{.1f, .2f, .9f, 0}, 1}};

// Stripes below everything: what shines through can be seen.
void Ground(Maker* maker) {
  maker->scene().background = {1, 1, 1, 1};
  scene::Node& node = maker->Leaf("ground", kAll);
  for (int i = 0; i < 6; ++i) {
    scene::Shape stripe = maker->Shape(maker->Rectangle(10, kSide), {Solid(.2f * static_cast<float>(i % 3 + 2), .8f, .9f)});
    stripe.to_node.x0 = i * 20;
    node.fills.push_back(stripe);
  }
}

scene::Node& Blob(Maker* maker, const scene::Rect& box, std::vector<scene::Paint> paints) {
  scene::Node& node = maker->Leaf("blob", box);
  const scene::Outline* outline = maker->Ellipse(box.width, box.height);
  node.fills.push_back(maker->Shape(outline, std::move(paints)));
  node.clip_shapes.push_back({outline, Winding::kNonZero, {}, nullptr, false});
  return node;
}

// A ring, twice as wide as what is to be seen of it when it lies inside or outside.
void Stroke(Maker* maker, scene::Node* node, scene::StrokeAlign align, double width, std::vector<scene::Paint> paints) {
  const double w = node->width, h = node->height;
  scene::Outline outer = *maker->Ellipse(w + width, h + width);
  const scene::Outline inner = *maker->Ellipse(w - width, h - width);
  for (float& value : outer.points) value -= static_cast<float>(width / 2);
  outer.commands.insert(outer.commands.end(), inner.commands.begin(), inner.commands.end());
  for (const float value : inner.points) outer.points.push_back(value + static_cast<float>(width / 2));
  outer.bounds = {-width / 2, -width / 2, w + width, h + width};
  node->strokes.push_back(maker->Shape(&maker->scene().outlines.emplace_back(std::move(outer)), std::move(paints)));
  node->strokes.back().winding = Winding::kOdd;
  node->stroke_align = align;
}

Effect Shadow(Effect::Type type, double radius, double spread, bool behind) {
  return {type, {.1f, 0, .3f, .7f}, {5, 8}, radius, spread, BlendMode::kNormal, behind};
}

void Windings(Maker* maker) {
  scene::Node& node = maker->Leaf("stars", kAll);
  const scene::Outline* star = maker->Star(60, 60);
  node.fills.push_back(maker->Shape(star, {Solid(.8f, .2f, .2f)}));
  node.fills.push_back(maker->Shape(star, {Solid(.2f, .2f, .8f, .8f)}));
  node.fills.back().winding = Winding::kOdd;
  node.fills.back().to_node = {.8, .6, -.6, .8, 60, 50};
}

void Gradients(Maker* maker, PaintType type, const std::vector<scene::ColourStop>& stops) {
  Ground(maker);
  auto straight = Gradient(type, 70, 50, stops);
  Blob(maker, {5, 5, 70, 50}, {straight});
  auto turned = Gradient(type, 60, 60, stops);
  turned.to_node = {40, 30, -20, 40, 15, 0};
  turned.opacity = .8f;
  maker->Fill(&maker->Leaf("turned", {50, 55, 65, 60}), {turned});
}

void Strokes(Maker* maker) {
  Ground(maker);
  Stroke(maker, &Blob(maker, {10, 10, 40, 40}, {Solid(1, .9f, .5f)}), scene::StrokeAlign::kInside, 12, {Solid(.5f, 0, .5f, .6f)});
  Stroke(maker, &Blob(maker, {70, 10, 40, 40}, {Solid(1, .9f, .5f)}), scene::StrokeAlign::kOutside, 12, {Solid(.5f, 0, .5f, .6f)});
  Stroke(maker, &Blob(maker, {10, 70, 40, 40}, {Solid(1, .9f, .5f)}), scene::StrokeAlign::kCenter, 12, {Solid(.5f, 0, .5f, .6f)});
  Stroke(maker, &Blob(maker, {70, 70, 40, 40}, {}), scene::StrokeAlign::kInside, 12, {Gradient(PaintType::kGradientLinear, 40, 40, kThreeStops)});
}

void Clips(Maker* maker) {
  scene::Node& frame = maker->Begin("frame", {15, 15, 80, 80});
  frame.transform = {.96, .28, -.28, .96, 30, 5};
  frame.fills.push_back(maker->Shape(maker->Ellipse(80, 80), {Solid(.9f, .9f, .7f)}));
  frame.clips = true;
  frame.clip_shapes.push_back({frame.fills[0].outline, Winding::kNonZero, {}, nullptr, false});
  maker->Fill(&maker->Leaf("child", {40, 20, 60, 30}), {Solid(.2f, .6f, .3f)});
  maker->Fill(&maker->Leaf("child", {-10, 40, 60, 30}), {Solid(.2f, .3f, .6f, .7f)});
  maker->End();
}

void Masks(Maker* maker, scene::Mask kind) {
  Ground(maker);
  maker->Begin("group", kAll);
  scene::Node& mask = Blob(maker, {20, 10, 80, 100}, {Gradient(PaintType::kGradientLinear, 80, 100, kFading)});
  mask.mask = kind;
  maker->Fill(&maker->Leaf("masked", {0, 0, 80, 80}), {Solid(.9f, .3f, .1f)});
  maker->Fill(&maker->Leaf("masked", {40, 40, 80, 80}), {Solid(.1f, .3f, .9f, .8f)});
  maker->End();
  maker->Fill(&maker->Leaf("not masked", {0, 100, 15, 15}), {Solid(0, 0, 0)});
}

void Shadows(Maker* maker, Effect::Type type, double spread) {
  Ground(maker);
  Blob(maker, {15, 10, 40, 40}, {Solid(1, .8f, .3f)}).effects.push_back(Shadow(type, 8, spread, true));
  Blob(maker, {70, 10, 40, 40}, {Solid(1, .8f, .3f, .5f)}).effects.push_back(Shadow(type, 4, spread, false));
  scene::Node& both = Blob(maker, {40, 65, 50, 40}, {Solid(.4f, .8f, .3f)});
  both.effects.push_back(Shadow(type, 3, spread, false));
  both.effects.push_back(Shadow(type, 0, spread, false));
  both.effects.back().colour = {0, .4f, .8f, .5f};
  both.effects.back().offset = {-6, -3};
}

void GroupShadow(Maker* maker) {
  scene::Node& group = maker->Begin("group", kAll);
  group.effects.push_back(Shadow(Effect::Type::kDropShadow, 6, 0, true));
  group.opacity = .8f;
  Blob(maker, {15, 15, 40, 60}, {Solid(.9f, .2f, .2f)});
  Blob(maker, {40, 35, 60, 40}, {Solid(.2f, .2f, .9f, .7f)});
  maker->End();
}

void Blurs(Maker* maker) {
  Ground(maker);
  scene::Node& group = maker->Begin("blurred", {10, 10, 100, 100});
  group.effects.push_back({Effect::Type::kLayerBlur, {}, {}, 10, 0, BlendMode::kNormal, false});
  Blob(maker, {10, 10, 40, 60}, {Solid(.9f, .2f, .2f)});
  maker->Fill(&maker->Leaf("box", {40, 40, 40, 40}), {Solid(.2f, .2f, .9f, .7f)});
  maker->End();
}

void BackgroundBlur(Maker* maker) {
  Ground(maker);
  Blob(maker, {20, 10, 60, 60}, {Solid(.9f, .2f, .2f)});
  scene::Node& glass = Blob(maker, {40, 30, 70, 80}, {Solid(1, 1, 1, .3f)});
  glass.effects.push_back({Effect::Type::kBackgroundBlur, {}, {}, 8, 0, BlendMode::kNormal, false});
}

void Blends(Maker* maker, BlendMode blend) {
  Ground(maker);
  scene::Node& node = Blob(maker, {10, 10, 60, 60}, {Gradient(PaintType::kGradientLinear, 60, 60, kThreeStops)});
  node.blend = blend;
  scene::Paint paint = Solid(.8f, .5f, .2f);
  paint.blend = blend;
  Blob(maker, {50, 50, 60, 60}, {Solid(.3f, .6f, .5f), paint});
}

// A sun over a meadow, as PNG or WebP, fitted into its boxes.
std::vector<std::uint8_t> Landscape(raster::ImageKind kind) {
  raster::Picture picture{48, 32, {}};
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    for (std::uint32_t x = 0; x < picture.width; ++x) {
      const std::uint32_t sun = (x - 36) * (x - 36) + (y - 9) * (y - 9) < 36 ? 0xFFFFD040 : 0xFF80C0F0;
      picture.pixels.push_back(y < 20 ? sun : 0xFF306020 + (x / 6 % 2) * 0x2000);
    }
  }
  if (kind == raster::ImageKind::kPng) {
    auto png = raster::EncodePng(picture);
    return png.ok() ? std::move(png.value()) : std::vector<std::uint8_t>();
  }
  std::uint8_t* bytes = nullptr;
  const std::size_t size = WebPEncodeLosslessBGRA(reinterpret_cast<const std::uint8_t*>(picture.pixels.data()), 48, 32, 4 * 48, &bytes);
  std::vector<std::uint8_t> webp(bytes, bytes + size);
  WebPFree(bytes);
  return webp;
}

void Images(Maker* maker, raster::ImageKind kind) {
  const auto& bytes = maker->images().emplace_back(Landscape(kind));
  scene::Paint paint;
  paint.type = PaintType::kImage;
  paint.image = {bytes.data(), bytes.size()};
  paint.image_key = "landscape";
  const auto add = [&](const scene::Rect& box, scene::ImageScaleMode mode) {
    paint.scale_mode = mode;
    maker->Fill(&maker->Leaf("image", box), {Solid(.9f, .9f, .8f), paint});
  };
  add({5, 5, 50, 50}, scene::ImageScaleMode::kFill);
  add({65, 5, 50, 50}, scene::ImageScaleMode::kFit);
  paint.rotation = 90;
  add({65, 65, 50, 50}, scene::ImageScaleMode::kFit);
  paint.rotation = 0;
  paint.opacity = .7f;
  paint.tile_scale = .5;
  add({5, 65, 24, 50}, scene::ImageScaleMode::kTile);
  paint.to_node = {20, 8, -8, 30, 14, 5};
  add({31, 65, 30, 50}, scene::ImageScaleMode::kStretch);
}

void Opacity(Maker* maker) {
  Ground(maker);
  scene::Node& group = maker->Begin("group", kAll);
  group.opacity = .5f;
  Blob(maker, {15, 15, 60, 60}, {Solid(.9f, .2f, .2f)});
  Blob(maker, {45, 45, 60, 60}, {Solid(.2f, .2f, .9f)});
  maker->End();
}

void Glyphs(Maker* maker) {
  scene::Node& text = maker->Leaf("text", kAll);
  const scene::PaintList* ink = maker->Paints({Solid(.1f, .1f, .3f)});
  const scene::PaintList* rainbow = maker->Paints({Gradient(PaintType::kGradientLinear, kSide, kSide, kThreeStops)});
  const scene::Outline* letters[] = {maker->Ellipse(.6, 1), maker->Star(.8, .8)};
  for (int i = 0; i < 24; ++i) {
    const double size = i < 12 ? 18 : 24;
    text.fills.push_back({letters[i % 2], Winding::kNonZero, {size, 0, 0, -size, 5 + i % 6 * 18.3, 25 + i / 6 * 27.1}, i < 18 ? ink : rainbow, true});
  }
}

Sample Make(const std::string& name, const std::function<void(Maker*)>& fill, double least = .98) {
  Sample sample{name, Maker(kSide, kSide), least};
  fill(&sample.maker);
  return sample;
}

}  // namespace

std::vector<Sample> Samples() {
  std::vector<Sample> samples;
  const auto add = [&samples](auto&&... words) { samples.push_back(Make(words...)); };
  add("windings", Windings);
  for (const auto& [name, type] : {std::pair{"linear", PaintType::kGradientLinear}, {"radial", PaintType::kGradientRadial},
                                   {"angular", PaintType::kGradientAngular}, {"diamond", PaintType::kGradientDiamond}}) {
    add(name, [type = type](Maker* maker) { Gradients(maker, type, kThreeStops); });
    add(std::string(name) + "-fading", [type = type](Maker* maker) { Gradients(maker, type, kFading); });
  }
  add("strokes", Strokes);
  add("clips", Clips);
  add("mask-alpha", [](Maker* maker) { Masks(maker, scene::Mask::kAlpha); });
  add("mask-luminance", [](Maker* maker) { Masks(maker, scene::Mask::kLuminance); });
  add("mask-outline", [](Maker* maker) { Masks(maker, scene::Mask::kOutline); });
  add("drop-shadow", [](Maker* maker) { Shadows(maker, Effect::Type::kDropShadow, 0); });
  add("inner-shadow", [](Maker* maker) { Shadows(maker, Effect::Type::kInnerShadow, 0); });
  add("drop-shadow-spread", [](Maker* maker) { Shadows(maker, Effect::Type::kDropShadow, 4); });
  add("inner-shadow-spread", [](Maker* maker) { Shadows(maker, Effect::Type::kInnerShadow, 3); });
  add("group-shadow", GroupShadow);
  add("blur", Blurs);
  add("background-blur", BackgroundBlur);
  add("images-png", [](Maker* maker) { Images(maker, raster::ImageKind::kPng); });
  add("images-webp", [](Maker* maker) { Images(maker, raster::ImageKind::kWebp); });
  add("opacity", Opacity);
  add("glyphs", Glyphs);
  for (int i = static_cast<int>(BlendMode::kDarken); i <= static_cast<int>(BlendMode::kLuminosity); ++i) {
    const auto blend = static_cast<BlendMode>(i);
    const bool approximate = blend == BlendMode::kLinearBurn || blend == BlendMode::kLinearDodge;
    add("blend-" + std::to_string(i), [blend](Maker* maker) { Blends(maker, blend); }, approximate ? .9 : .98);
  }
  return samples;
}

}  // namespace svg::testing
