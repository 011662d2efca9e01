#include "raster/source.h"

#include <algorithm>
#include <cmath>

#include "raster/filter.h"
#include "raster/shader.h"

namespace raster {
namespace {

using scene::Matrix;
using scene::PaintType;

PatternPtr Transparent() { return PatternPtr(cairo_pattern_create_rgba(0, 0, 0, 0)); }

// cairo's pattern matrix goes from the user's space to the pattern's.
bool SetMatrix(cairo_pattern_t* pattern, const Matrix& pattern_to_picture) {
  Matrix inverse;
  if (!scene::Invert(pattern_to_picture, &inverse)) return false;
  const cairo_matrix_t matrix = ToCairo(inverse);
  cairo_pattern_set_matrix(pattern, &matrix);
  return true;
}

PatternPtr FromGradient(const scene::Paint& paint, const Matrix& node_to_picture) {
  PatternPtr pattern(paint.type == PaintType::kGradientLinear ? cairo_pattern_create_linear(0, 0.5, 1, 0.5)
                                                              : cairo_pattern_create_radial(0.5, 0.5, 0, 0.5, 0.5, 0.5));
  for (const scene::ColourStop& stop : paint.stops) {
    const scene::Colour& c = stop.colour;
    cairo_pattern_add_color_stop_rgba(pattern.get(), stop.position, c.r, c.g, c.b, c.a);
  }
  if (!SetMatrix(pattern.get(), node_to_picture * paint.to_node)) return Transparent();
  return pattern;
}

// A pattern of cairo's keeps its surface alive, and not our Surface, which has the budget: that is given
// back a little early, when the shape has been filled.
fig::Outcome<PatternPtr> FromShader(const scene::Paint& paint, const Matrix& node_to_picture, const Box& area, Pixels& pixels) {
  Matrix to_gradient;
  if (!scene::Invert(node_to_picture * paint.to_node, &to_gradient)) return Transparent();
  Surface surface = FIG_TRY(Surface::Make(CAIRO_FORMAT_ARGB32, area, pixels));
  Shade(surface, paint, to_gradient);
  PatternPtr pattern(cairo_pattern_create_for_surface(surface.get()));
  cairo_pattern_set_filter(pattern.get(), CAIRO_FILTER_NEAREST);
  return pattern;
}

// Where an image of width x height pixels lies in its node.
Matrix Placed(const scene::Paint& paint, const scene::Node& node, double width, double height) {
  if (paint.scale_mode == scene::ImageScaleMode::kStretch) return paint.to_node * Matrix{1 / width, 0, 0, 1 / height, 0, 0};
  // Turned about its own corner first, and moved back into the quadrant that is seen.
  const long quarters = std::lround(paint.rotation / 90) % 4;
  Matrix turned;
  double w = width, h = height;
  switch ((quarters + 4) % 4) {
    case 1: turned = {0, 1, -1, 0, height, 0}; std::swap(w, h); break;
    case 2: turned = {-1, 0, 0, -1, width, height}; break;
    case 3: turned = {0, -1, 1, 0, 0, width}; std::swap(w, h); break;
    default: break;
  }
  double scale = paint.tile_scale;
  if (paint.scale_mode == scene::ImageScaleMode::kFill) scale = std::max(node.width / w, node.height / h);
  if (paint.scale_mode == scene::ImageScaleMode::kFit) scale = std::min(node.width / w, node.height / h);
  if (paint.scale_mode == scene::ImageScaleMode::kTile) return Matrix{scale, 0, 0, scale, 0, 0} * turned;
  return Matrix{scale, 0, 0, scale, (node.width - w * scale) / 2, (node.height - h * scale) / 2} * turned;
}

// What Figma shows for an image that it does not have: checkers of ten units.
PatternPtr Checkers(const Matrix& node_to_picture) {
  constexpr int kSide = 8;
  cairo_surface_t* tile = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 2 * kSide, 2 * kSide);
  {
    const ContextPtr context(cairo_create(tile));
    cairo_set_source_rgb(context.get(), 1, 1, 1);
    cairo_paint(context.get());
    cairo_set_source_rgb(context.get(), 0.9, 0.9, 0.9);
    cairo_rectangle(context.get(), 0, 0, kSide, kSide);
    cairo_rectangle(context.get(), kSide, kSide, kSide, kSide);
    cairo_fill(context.get());
  }
  PatternPtr pattern(cairo_pattern_create_for_surface(tile));
  cairo_surface_destroy(tile);
  cairo_pattern_set_extend(pattern.get(), CAIRO_EXTEND_REPEAT);
  cairo_pattern_set_filter(pattern.get(), CAIRO_FILTER_NEAREST);
  if (!SetMatrix(pattern.get(), node_to_picture)) return Transparent();
  return pattern;
}

// Pixels of the picture along the longer side of the node.
double LongestSide(const scene::Node& node, const Matrix& m) {
  return std::max(node.width * std::hypot(m.xx, m.yx), node.height * std::hypot(m.xy, m.yy));
}

}  // namespace

void Sources::Remark(std::string text) {
  if (remarks_ != nullptr && std::find(remarks_->begin(), remarks_->end(), text) == remarks_->end()) remarks_->push_back(std::move(text));
}

fig::Outcome<const Sources::Known*> Sources::Load(const scene::Paint& paint, std::uint32_t enough) {
  std::string key = paint.image_key + (paint.filter ? FilterKey(*paint.filter) : "") + (enough == 0 ? "" : "@" + std::to_string(enough));
  const auto found = known_.find(key);
  if (found != known_.end()) return &found->second;
  Known& known = known_[std::move(key)];
  auto decoded = DecodeImage(paint.image, paint.image_key, enough, budget_);
  if (!decoded.ok()) {
    if (decoded.fault().kind == fig::FaultClass::kBudget) return std::move(decoded.fault());
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
  // A stretched image may show a small part of itself, and tiles have a size of their own.
  const bool whole = paint.scale_mode == scene::ImageScaleMode::kFill || paint.scale_mode == scene::ImageScaleMode::kFit;
  std::uint32_t enough = 0;
  if (whole) {
    const double side = std::clamp(2 * LongestSide(node, node_to_picture), 1.0, 65536.0);
    enough = 64;
    while (enough < side) enough *= 2;
  }
  const Known* known = FIG_TRY(Load(paint, enough));
  if (!known->surface) return Source{Checkers(node_to_picture)};
  PatternPtr pattern(cairo_pattern_create_for_surface(known->surface.get()));
  const bool tiled = paint.scale_mode == scene::ImageScaleMode::kTile;
  // Its own edges would be blurred by what lies beyond: it goes on there, and is cut.
  cairo_pattern_set_extend(pattern.get(), tiled ? CAIRO_EXTEND_REPEAT : CAIRO_EXTEND_PAD);
  cairo_pattern_set_filter(pattern.get(), getenv("FILT") ? (cairo_filter_t)atoi(getenv("FILT")) : CAIRO_FILTER_GOOD); if (getenv("FILT")) fprintf(stderr, "image %ux%u tile %g mode %d\n", known->image.width, known->image.height, paint.tile_scale, (int)paint.scale_mode);
  const double width = known->image.width, height = known->image.height;
  const Matrix placed = node_to_picture * Placed(paint, node, width, height);
  if (!SetMatrix(pattern.get(), placed)) return Source{Transparent()};
  Source source{std::move(pattern)};
  source.cut = paint.scale_mode == scene::ImageScaleMode::kFit || paint.scale_mode == scene::ImageScaleMode::kStretch;
  const scene::Point corners[4] = {{0, 0}, {width, 0}, {width, height}, {0, height}};
  for (std::size_t i = 0; i < 4; ++i) source.quad[i] = scene::Apply(placed, corners[i]);
  return source;
}

fig::Outcome<Sources::Source> Sources::Make(const scene::Paint& paint, const scene::Node& node, const Matrix& node_to_picture, const Box& area) {
  switch (paint.type) {
    case PaintType::kSolid: {
      const scene::Colour& c = paint.colour;
      return Source{PatternPtr(cairo_pattern_create_rgba(c.r, c.g, c.b, c.a))};
    }
    case PaintType::kGradientLinear:
    case PaintType::kGradientRadial: return Source{FromGradient(paint, node_to_picture)};
    case PaintType::kGradientAngular:
    case PaintType::kGradientDiamond: return Source{FIG_TRY(FromShader(paint, node_to_picture, area, pixels_))};
    case PaintType::kImage: return FromImage(paint, node, node_to_picture);
    case PaintType::kEmoji:
    case PaintType::kOther: break;
  }
  return Source{Transparent()};
}

}  // namespace raster
