#include "raster/source.h"

#include <algorithm>
#include <cmath>

#include "raster/filter.h"
#include "raster/gradient.h"

namespace raster {
namespace {

using scene::ImageScaleMode;
using scene::Matrix;
using scene::PaintType;

// Where an image of that size lies in its node: from its pixels to the node's coordinates.
Matrix Placed(const scene::Paint& paint, const scene::Node& node, ImageSize size) {
  const double width = size.width, height = size.height;
  if (paint.scale_mode == ImageScaleMode::kStretch) return paint.to_node * Matrix{1 / width, 0, 0, 1 / height, 0, 0};
  // Turned about its own corner first, and moved back into the quadrant that is seen.
  const double turns = std::isfinite(paint.rotation) ? std::fmod(std::round(paint.rotation / 90), 4) : 0;
  Matrix turned;
  double w = width, h = height;
  switch (static_cast<int>(turns + 4) % 4) {
    case 1: turned = {0, 1, -1, 0, height, 0}; std::swap(w, h); break;
    case 2: turned = {-1, 0, 0, -1, width, height}; break;
    case 3: turned = {0, -1, 1, 0, 0, width}; std::swap(w, h); break;
    default: break;
  }
  double scale = paint.tile_scale;
  if (paint.scale_mode == ImageScaleMode::kFill) scale = std::max(node.width / w, node.height / h);
  if (paint.scale_mode == ImageScaleMode::kFit) scale = std::min(node.width / w, node.height / h);
  if (paint.scale_mode == ImageScaleMode::kTile) return Matrix{scale, 0, 0, scale, 0, 0} * turned;
  return Matrix{scale, 0, 0, scale, (node.width - w * scale) / 2, (node.height - h * scale) / 2} * turned;
}

// How often an image can be halved and still have twice the pixels that are shown of it.
unsigned HalvingsFor(ImageSize size, const Matrix& to_picture) {
  // The larger singular value: pixels of the picture per pixel of the image where there are most.
  const double a = std::hypot(to_picture.xx - to_picture.yy, to_picture.yx + to_picture.xy);
  const double b = std::hypot(to_picture.xx + to_picture.yy, to_picture.yx - to_picture.xy);
  const double scale = (a + b) / 2;
  unsigned halvings = 0;
  while (halvings < kMostHalvings && scale * (4U << halvings) <= 1) ++halvings;
  constexpr std::uint32_t kMostSide = 32'767;  // of an image of cairo's
  while (halvings < kMostHalvings && std::max(size.width, size.height) >> halvings >= kMostSide) ++halvings;
  return halvings;
}

// For an image that is not there, as Figma does it, in squares of eight units.
PatternPtr Checkers(const Matrix& node_to_picture) {
  constexpr int kSide = 8;
  const std::unique_ptr<cairo_surface_t, Destroy> tile(cairo_image_surface_create(CAIRO_FORMAT_RGB24, 2 * kSide, 2 * kSide));
  {
    const ContextPtr context(cairo_create(tile.get()));
    cairo_set_source_rgb(context.get(), 1, 1, 1);
    cairo_paint(context.get());
    cairo_set_source_rgb(context.get(), 0.9, 0.9, 0.9);
    cairo_rectangle(context.get(), 0, 0, kSide, kSide);
    cairo_rectangle(context.get(), kSide, kSide, kSide, kSide);
    cairo_fill(context.get());
  }
  PatternPtr pattern(cairo_pattern_create_for_surface(tile.get()));
  cairo_pattern_set_extend(pattern.get(), CAIRO_EXTEND_REPEAT);
  if (!SetMatrix(pattern.get(), node_to_picture)) return Transparent();
  return pattern;
}

fig::Outcome<Sources::Source> Shaded(const scene::Paint& paint, double opacity, const Matrix& node_to_picture, const Box& area, Pixels& pixels) {
  Matrix to_gradient;
  Sources::Source source;
  if (!scene::Invert(node_to_picture * paint.to_node, &to_gradient)) {
    source.pattern = Transparent();
    return source;
  }
  source.pixels = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, area, pixels));
  Shade(source.pixels, paint, opacity, to_gradient);
  source.pattern.reset(cairo_pattern_create_for_surface(source.pixels.get()));
  cairo_pattern_set_filter(source.pattern.get(), CAIRO_FILTER_NEAREST);
  return source;
}

}  // namespace

void Sources::Remark(std::string text) {
  constexpr std::size_t kMost = 100;
  if (remarks_ == nullptr || remarks_->size() >= kMost) return;
  if (std::find(remarks_->begin(), remarks_->end(), text) == remarks_->end()) remarks_->push_back(std::move(text));
}

fig::Outcome<ImageSize> Sources::Measure(const scene::Paint& paint) {
  const auto found = sizes_.find(paint.image_key);
  if (found != sizes_.end()) return found->second;
  auto size = MeasureImage(paint.image, paint.image_key, budget_);
  if (!size.ok()) {
    if (fig::EndsAll(size.fault().kind)) return std::move(size.fault());
    Remark(size.fault().ToString());
    return sizes_[paint.image_key] = ImageSize{};
  }
  return sizes_[paint.image_key] = size.value();
}

fig::Outcome<const Sources::Known*> Sources::Load(const scene::Paint& paint, ImageSize size, unsigned halvings) {
  std::string key = paint.image_key + (paint.filter ? FilterKey(*paint.filter) : "") + "/" + std::to_string(halvings);
  const auto found = known_.find(key);
  if (found != known_.end()) return &found->second;
  Known& known = known_[std::move(key)];
  work_.Spend(size.pixels() * Work::kImage);
  FIG_TRY(work_.Check());
  auto decoded = DecodeImage(paint.image, paint.image_key, halvings, budget_);
  if (!decoded.ok()) {
    if (fig::EndsAll(decoded.fault().kind)) return std::move(decoded.fault());
    Remark(decoded.fault().ToString());
    return &known;
  }
  known.image = std::move(decoded.value());
  image_pixels_ += known.image.pixels.size();
  if (image_pixels_ > budget_.images_pixels) {
    return fig::Fault{fig::FaultClass::kBudget, "images of more than " + std::to_string(budget_.images_pixels) + " pixels in all", fig::Fault::kNowhere, ""};
  }
  if (paint.filter) ApplyFilter(*paint.filter, known.image);
  known.surface.reset(cairo_image_surface_create_for_data(reinterpret_cast<unsigned char*>(known.image.pixels.data()), CAIRO_FORMAT_ARGB32,
                                                          static_cast<int>(known.image.width), static_cast<int>(known.image.height),
                                                          static_cast<int>(4 * known.image.width)));
  const cairo_status_t status = cairo_surface_status(known.surface.get());
  if (status != CAIRO_STATUS_SUCCESS) return CairoFault(status);
  return &known;
}

fig::Outcome<Sources::Source> Sources::FromImage(const scene::Paint& paint, const scene::Node& node, const Matrix& node_to_picture) {
  Source source;
  const ImageSize size = FIG_TRY(Measure(paint));
  const Matrix placed = node_to_picture * Placed(paint, node, size.pixels() == 0 ? ImageSize{1, 1} : size);
  const unsigned halvings = HalvingsFor(size, placed);
  const Known* known = size.pixels() == 0 ? nullptr : FIG_TRY(Load(paint, size, halvings));
  if (known == nullptr || !known->surface) {
    source.pattern = Checkers(node_to_picture);
    return source;
  }
  source.pattern.reset(cairo_pattern_create_for_surface(known->surface.get()));
  const bool tiled = paint.scale_mode == ImageScaleMode::kTile;
  // Its own edges would be blurred by what lies beyond: it goes on there, and is cut.
  cairo_pattern_set_extend(source.pattern.get(), tiled ? CAIRO_EXTEND_REPEAT : CAIRO_EXTEND_PAD);
  cairo_pattern_set_filter(source.pattern.get(), CAIRO_FILTER_GOOD);
  // The last pixels of a halved image stand for fewer than the others. Tiles must not be longer for it.
  const double part = 1U << halvings;
  const double width = size.width, height = size.height;
  const Matrix unhalved = tiled ? Matrix{width / known->image.width, 0, 0, height / known->image.height, 0, 0} : Matrix{part, 0, 0, part, 0, 0};
  if (!SetMatrix(source.pattern.get(), placed * unhalved)) {
    source.pattern = Transparent();
    return source;
  }
  source.cut = paint.scale_mode == ImageScaleMode::kFit || paint.scale_mode == ImageScaleMode::kStretch;
  const scene::Point corners[4] = {{0, 0}, {width, 0}, {width, height}, {0, height}};
  for (std::size_t i = 0; i < 4; ++i) source.quad[i] = scene::Apply(placed, corners[i]);
  return source;
}

fig::Outcome<Sources::Source> Sources::Make(const scene::Paint& paint, double opacity, const scene::Node& node, const Matrix& node_to_picture,
                                            const Box& area) {
  Source source;
  switch (paint.type) {
    case PaintType::kSolid: {
      const scene::Colour& c = paint.colour;
      work_.Spend(area.pixels() * Work::kSolid);
      source.pattern.reset(cairo_pattern_create_rgba(c.r, c.g, c.b, c.a * opacity));
      return source;
    }
    case PaintType::kGradientLinear:
    case PaintType::kGradientRadial:
      work_.Spend(area.pixels() * Work::kGradient);
      source.pattern = paint.type == PaintType::kGradientLinear ? LinearPattern(paint, opacity, node_to_picture) : RadialPattern(paint, opacity, node_to_picture);
      return source;
    case PaintType::kGradientAngular:
    case PaintType::kGradientDiamond:
      work_.Spend(area.pixels() * Work::kShaded);
      return Shaded(paint, opacity, node_to_picture, area, pixels_);
    case PaintType::kImage:
      work_.Spend(area.pixels() * Work::kImage);
      source = FIG_TRY(FromImage(paint, node, node_to_picture));
      source.opacity = opacity;
      return source;
    case PaintType::kEmoji:
    case PaintType::kOther: break;
  }
  source.pattern = Transparent();
  return source;
}

}  // namespace raster
