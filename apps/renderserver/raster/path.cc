#include "raster/path.h"

#include <algorithm>
#include <cmath>

namespace raster {
namespace {

constexpr double kFar = 1 << 20;

double Near(double value) { return std::isfinite(value) ? std::clamp(value, -kFar, kFar) : 0; }

}  // namespace

void AddPath(cairo_t* context, const scene::Outline& outline, const scene::Matrix& to_picture) {
  const float* at = outline.points.data();
  scene::Point last{};
  const auto next = [&] {
    const scene::Point point = scene::Apply(to_picture, {at[0], at[1]});
    at += 2;
    return scene::Point{Near(point.x), Near(point.y)};
  };
  for (const scene::Outline::Command command : outline.commands) {
    switch (command) {
      case scene::Outline::kClose: cairo_close_path(context); break;
      case scene::Outline::kMove:
        last = next();
        cairo_move_to(context, last.x, last.y);
        break;
      case scene::Outline::kLine:
        last = next();
        cairo_line_to(context, last.x, last.y);
        break;
      case scene::Outline::kQuad: {
        const scene::Point control = next(), end = next();
        cairo_curve_to(context, last.x + (control.x - last.x) * 2 / 3, last.y + (control.y - last.y) * 2 / 3,
                       end.x + (control.x - end.x) * 2 / 3, end.y + (control.y - end.y) * 2 / 3, end.x, end.y);
        last = end;
        break;
      }
      case scene::Outline::kCubic: {
        const scene::Point a = next(), b = next(), end = next();
        cairo_curve_to(context, a.x, a.y, b.x, b.y, end.x, end.y);
        last = end;
        break;
      }
    }
  }
}

void AddShape(cairo_t* context, const scene::Shape& shape, const scene::Matrix& node_to_picture) {
  AddPath(context, *shape.outline, node_to_picture * shape.to_node);
}

void AddQuad(cairo_t* context, const scene::Point (&quad)[4]) {
  for (const scene::Point& point : quad) cairo_line_to(context, Near(point.x), Near(point.y));
  cairo_close_path(context);
}

void SetWinding(cairo_t* context, scene::Winding winding) {
  cairo_set_fill_rule(context, winding == scene::Winding::kOdd ? CAIRO_FILL_RULE_EVEN_ODD : CAIRO_FILL_RULE_WINDING);
}

void ClipTo(cairo_t* context, const std::vector<scene::Shape>& shapes, const scene::Matrix& node_to_picture) {
  cairo_new_path(context);
  for (const scene::Shape& shape : shapes) AddShape(context, shape, node_to_picture);
  SetWinding(context, shapes.empty() ? scene::Winding::kNonZero : shapes.front().winding);
  cairo_clip(context);
}

void FillAll(cairo_t* context, const std::vector<scene::Shape>& shapes, const scene::Matrix& node_to_picture) {
  cairo_new_path(context);
  for (const scene::Shape& shape : shapes) AddShape(context, shape, node_to_picture);
  SetWinding(context, shapes.empty() ? scene::Winding::kNonZero : shapes.front().winding);
  cairo_fill(context);
}

}  // namespace raster
