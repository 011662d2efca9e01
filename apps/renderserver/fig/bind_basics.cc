// Points, colours and other small values.
#include <array>

#include "fig/bind_kinds.h"

namespace fig {

template <>
const Kind& KindOf<Vector>() {
  static constexpr Row kRows[] = {One<&Vector::x>("x"), One<&Vector::y>("y")};
  static constexpr Kind kKind = {"Vector", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Matrix>() {
  static constexpr Row kRows[] = {One<&Matrix::m00>("m00"), One<&Matrix::m01>("m01"), One<&Matrix::m02>("m02"),
                                  One<&Matrix::m10>("m10"), One<&Matrix::m11>("m11"), One<&Matrix::m12>("m12")};
  static constexpr Kind kKind = {"Matrix", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Colour>() {
  static constexpr Row kRows[] = {One<&Colour::r>("r"), One<&Colour::g>("g"), One<&Colour::b>("b"),
                                  One<&Colour::a>("a")};
  static constexpr Kind kKind = {"Color", kRows};
  return kKind;
}

template <>
const Kind& KindOf<Guid>() {
  static constexpr Row kRows[] = {One<&Guid::session>("sessionID"), One<&Guid::local>("localID")};
  static constexpr Kind kKind = {"GUID", kRows};
  return kKind;
}

namespace {
using Rectangle = std::array<float, 4>;

template <std::size_t kIndex>
constexpr Row Side(std::string_view name) {
  Row row{name, Want::kFloat};
  row.put = [](void* object, const Value& value) { (*static_cast<Rectangle*>(object))[kIndex] = value.number; };
  return row;
}
}  // namespace

template <>
const Kind& KindOf<Rectangle>() {
  static constexpr Row kRows[] = {Side<0>("x"), Side<1>("y"), Side<2>("w"), Side<3>("h")};
  static constexpr Kind kKind = {"Rect", kRows};
  return kKind;
}

}  // namespace fig
