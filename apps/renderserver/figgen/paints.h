// Paints and effects as the format has them.
#pragma once

#include <string>
#include <vector>

#include "figgen/outline.h"
#include "figgen/value.h"

namespace figgen {

struct Colour {
  double r = 0, g = 0, b = 0, a = 1;
};
constexpr Colour Rgb(unsigned hex, double a = 1) {
  return {(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0, a};
}
struct Stop {
  double position;
  Colour colour;
};
struct Affine {  // x' = m00 x + m01 y + m02
  double m00 = 1, m01 = 0, m02 = 0, m10 = 0, m11 = 1, m12 = 0;
};
Affine Inverse(const Affine& matrix);  // precondition: it has one

Object VectorOf(double x, double y);
Object ColourOf(Colour colour);
Object MatrixOf(const Affine& matrix);

Object Solid(Colour colour, double opacity = 1);

// From the first to the second point of the node's unit square.
Object Linear(Point from, Point to, const std::vector<Stop>& stops);
// GRADIENT_RADIAL, _ANGULAR or _DIAMOND: the centre, and where its two axes end.
Object Round(const char* type, Point centre, Point axis, Point other_axis, const std::vector<Stop>& stops);

// `mode` is STRETCH, FIT, FILL or TILE.
Object ImageByHash(const std::string& hash, const char* mode);
Object ImageByBlob(std::size_t blob, const char* mode);

// DROP_SHADOW or INNER_SHADOW.
Object Shadow(const char* type, Colour colour, Point offset, double radius, double spread = 0);
// FOREGROUND_BLUR or BACKGROUND_BLUR.
Object Blur(const char* type, double radius);

}  // namespace figgen
