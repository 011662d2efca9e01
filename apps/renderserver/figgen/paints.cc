#include "figgen/paints.h"

namespace figgen {
namespace {

Object Gradient(const char* type, const Affine& to_node, const std::vector<Stop>& stops) {
  List list;
  for (const Stop& stop : stops) {
    list.push_back(Object().Set("color", ColourOf(stop.colour)).Set("position", stop.position));
  }
  Object paint;
  paint.Set("type", type).Set("opacity", 1).Set("visible", true).Set("blendMode", "NORMAL");
  return paint.Set("stops", list).Set("transform", MatrixOf(Inverse(to_node)));
}

Object ImagePaint(Object image, const char* mode) {
  Object paint;
  paint.Set("type", "IMAGE").Set("opacity", 1).Set("visible", true).Set("blendMode", "NORMAL");
  paint.Set("transform", MatrixOf({})).Set("image", std::move(image)).Set("imageScaleMode", mode);
  return paint.Set("rotation", 0).Set("scale", 1);
}

}  // namespace

Affine Inverse(const Affine& m) {
  const double det = m.m00 * m.m11 - m.m01 * m.m10;
  Affine inverse = {m.m11 / det, -m.m01 / det, 0, -m.m10 / det, m.m00 / det, 0};
  inverse.m02 = -(inverse.m00 * m.m02 + inverse.m01 * m.m12);
  inverse.m12 = -(inverse.m10 * m.m02 + inverse.m11 * m.m12);
  return inverse;
}

Object VectorOf(double x, double y) { return Object().Set("x", x).Set("y", y); }

Object ColourOf(Colour colour) {
  return Object().Set("r", colour.r).Set("g", colour.g).Set("b", colour.b).Set("a", colour.a);
}

Object MatrixOf(const Affine& m) {
  Object matrix;
  matrix.Set("m00", m.m00).Set("m01", m.m01).Set("m02", m.m02);
  return matrix.Set("m10", m.m10).Set("m11", m.m11).Set("m12", m.m12);
}

Object Solid(Colour colour, double opacity) {
  Object paint;
  paint.Set("type", "SOLID").Set("color", ColourOf(colour)).Set("opacity", opacity);
  return paint.Set("visible", true).Set("blendMode", "NORMAL");
}

Object Linear(Point from, Point to, const std::vector<Stop>& stops) {
  // Gradient space runs from (0, .5) to (1, .5); its other axis is at right angles here.
  const double dx = to.x - from.x, dy = to.y - from.y;
  return Gradient("GRADIENT_LINEAR", {dx, -dy, from.x + dy / 2, dy, dx, from.y - dx / 2}, stops);
}

Object Round(const char* type, Point c, Point axis, Point other, const std::vector<Stop>& stops) {
  // The centre is (.5, .5), the axes end at (1, .5) and (.5, 1).
  const double ax = 2 * (axis.x - c.x), ay = 2 * (axis.y - c.y);
  const double bx = 2 * (other.x - c.x), by = 2 * (other.y - c.y);
  return Gradient(type, {ax, bx, c.x - (ax + bx) / 2, ay, by, c.y - (ay + by) / 2}, stops);
}

Object ImageByHash(const std::string& hash, const char* mode) {
  return ImagePaint(Object().Set("hash", hash).Set("name", "sample"), mode);
}

Object ImageByBlob(std::size_t blob, const char* mode) {
  return ImagePaint(Object().Set("dataBlob", blob).Set("name", "sample"), mode);
}

Object Shadow(const char* type, Colour colour, Point offset, double radius, double spread) {
  Object effect;
  effect.Set("type", type).Set("color", ColourOf(colour)).Set("offset", VectorOf(offset.x, offset.y));
  effect.Set("radius", radius).Set("visible", true).Set("blendMode", "NORMAL");
  return effect.Set("spread", spread).Set("showShadowBehindNode", false);
}

Object Blur(const char* type, double radius) {
  return Object().Set("type", type).Set("radius", radius).Set("visible", true);
}

}  // namespace figgen
