#include <algorithm>
#include <array>
#include <cmath>

#include "scene/scene.h"

namespace scene {

Matrix operator*(const Matrix& outer, const Matrix& inner) {
  Matrix result;
  result.xx = outer.xx * inner.xx + outer.xy * inner.yx;
  result.yx = outer.yx * inner.xx + outer.yy * inner.yx;
  result.xy = outer.xx * inner.xy + outer.xy * inner.yy;
  result.yy = outer.yx * inner.xy + outer.yy * inner.yy;
  result.x0 = outer.xx * inner.x0 + outer.xy * inner.y0 + outer.x0;
  result.y0 = outer.yx * inner.x0 + outer.yy * inner.y0 + outer.y0;
  return result;
}

Point Apply(const Matrix& matrix, Point point) {
  return {matrix.xx * point.x + matrix.xy * point.y + matrix.x0,
          matrix.yx * point.x + matrix.yy * point.y + matrix.y0};
}

bool Invert(const Matrix& matrix, Matrix* inverse) {
  const double determinant = matrix.xx * matrix.yy - matrix.xy * matrix.yx;
  if (!std::isnormal(determinant)) return false;
  Matrix result;
  result.xx = matrix.yy / determinant;
  result.yx = -matrix.yx / determinant;
  result.xy = -matrix.xy / determinant;
  result.yy = matrix.xx / determinant;
  result.x0 = (matrix.xy * matrix.y0 - matrix.yy * matrix.x0) / determinant;
  result.y0 = (matrix.yx * matrix.x0 - matrix.xx * matrix.y0) / determinant;
  for (double number : {result.xx, result.yx, result.xy, result.yy, result.x0, result.y0}) {
    if (!std::isfinite(number)) return false;
  }
  *inverse = result;
  return true;
}

Rect Bounds(const Matrix& matrix, const Rect& rect) {
  const std::array<Point, 4> corners = {
      Apply(matrix, {rect.x, rect.y}), Apply(matrix, {rect.x + rect.width, rect.y}),
      Apply(matrix, {rect.x, rect.y + rect.height}), Apply(matrix, {rect.x + rect.width, rect.y + rect.height})};
  double left = corners[0].x, right = left, top = corners[0].y, bottom = top;
  for (const Point& corner : corners) {
    left = std::min(left, corner.x);
    right = std::max(right, corner.x);
    top = std::min(top, corner.y);
    bottom = std::max(bottom, corner.y);
  }
  return {left, top, right - left, bottom - top};
}

Rect Union(const Rect& a, const Rect& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  const double left = std::min(a.x, b.x), top = std::min(a.y, b.y);
  return {left, top, std::max(a.x + a.width, b.x + b.width) - left, std::max(a.y + a.height, b.y + b.height) - top};
}

Rect Intersection(const Rect& a, const Rect& b) {
  const double left = std::max(a.x, b.x), top = std::max(a.y, b.y);
  const double right = std::min(a.x + a.width, b.x + b.width), bottom = std::min(a.y + a.height, b.y + b.height);
  return {left, top, std::max(0.0, right - left), std::max(0.0, bottom - top)};
}

double WholePixels(double length, double scale, Rounding rounding) {
  constexpr double kSame = 1e-3;  // what arithmetic adds to a whole number is no pixel
  return std::max(1.0, rounding == Rounding::kUp ? std::ceil(length * scale - kSame) : std::round(length * scale));
}

}  // namespace scene
