#include "program/draw.h"

#include <algorithm>
#include <new>

#include "gl/compositor.h"
#include "raster/raster.h"
#include "scene/build.h"
#include "svg/svg.h"

namespace program {
namespace {

constexpr std::uint32_t kThumbnailSide = 400;

// Images of a folder are not in the document: only those that the scene shows are fetched.
moat::Status FetchImages(scene::Scene* scene, Source* source) {
  for (scene::PaintList& list : scene->paints) {
    for (scene::Paint& paint : list) {
      if (paint.type != scene::PaintType::kImage || paint.image.size > 0) continue;
      paint.image = MOAT_TRY(source->Image(paint.image_key));
    }
  }
  return {};
}

svg::Options SvgOptions(const scene::Scene& scene, const scene::Selection& selection, std::optional<double> scale) {
  svg::Options options;
  options.scale = scale.value_or(1);
  options.rounding = scene::Rounding::kUp;
  if (selection.kind != scene::Selection::Kind::kThumbnail) return options;
  options.scale = scene.region.empty() ? 1 : raster::ThumbnailScale(scene, kThumbnailSide * scale.value_or(1));
  if (scene.fit == scene::Scene::Fit::kLongestSide) options.rounding = scene::Rounding::kNearest;
  return options;
}

raster::Options RasterOptions(const scene::Selection& selection, std::optional<double> scale) {
  raster::Options options;
  options.scale = scale.value_or(1);
  if (selection.kind == scene::Selection::Kind::kThumbnail) {
    options.longest_side = static_cast<std::uint32_t>(std::max(1.0, kThumbnailSide * scale.value_or(1)));
  }
  // Larger or smaller ones than Figma's have nothing to be like.
  if (options.longest_side == kThumbnailSide) options.sampling = raster::Sampling::kThumbnail;
  return options;
}

// A context of OpenGL belongs to one thread: each picture has its own.
fig::Outcome<std::unique_ptr<raster::Compositor>> CompositorFor(Command::Backend backend) {
  if (backend == Command::Backend::kGl) return gl::MakeCompositor();
  return std::unique_ptr<raster::Compositor>();
}

Drawn DrawScene(const scene::Scene& scene, const Picture& picture, const Command& command, const fig::Budget& budget) {
  Drawn drawn;
  drawn.remarks = scene.remarks;
  if (picture.format == Format::kSvg) {
    auto text = svg::Write(scene, SvgOptions(scene, picture.selection, command.scale), budget, &drawn.remarks);
    if (!text.ok()) return {From(text.fault()), "", {}};
    drawn.bytes = std::move(text.value());
    return drawn;
  }
  const auto compositor = CompositorFor(command.backend);
  if (!compositor.ok()) return {From(compositor.fault()), "", {}};
  raster::Options options = RasterOptions(picture.selection, command.scale);
  options.compositor = compositor.value().get();
  const auto pixels = raster::Paint(scene, options, budget, &drawn.remarks);
  if (!pixels.ok()) return {From(pixels.fault()), "", {}};
  const auto png = raster::EncodePng(pixels.value());
  if (!png.ok()) return {From(png.fault()), "", {}};
  drawn.bytes.assign(png.value().begin(), png.value().end());
  return drawn;
}

}  // namespace

Drawn Draw(const fig::Document& document, Source* source, const Picture& picture, const Command& command, const fig::Budget& budget) {
  try {
    auto scene = scene::Build(document, picture.selection, budget);
    if (!scene.ok()) return {From(scene.fault()), "", {}};
    const moat::Status fetched = FetchImages(&scene.value(), source);
    if (!fetched.ok()) return {From(fetched.error()), "", {}};
    return DrawScene(scene.value(), picture, command, budget);
  } catch (const std::bad_alloc&) {
    return {From(fig::NoMemory("picture")), "", {}};
  } catch (const std::exception& error) {
    return {{kSystemCode, std::string("bug: ") + error.what(), Failure::Of::kOther}, "", {}};
  }
}

}  // namespace program
