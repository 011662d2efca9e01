#include "svg/number.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace svg {
namespace {

constexpr std::array<double, kMostDecimals + 1> kPowers = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
constexpr double kLargest = 1e10;  // differences of two in steps of 10^-6 stay within 64 bits

}  // namespace

std::int64_t ToSteps(double value, int decimals) {
  if (std::isnan(value)) return 0;
  const double clamped = std::clamp(value, -kLargest, kLargest);
  return static_cast<std::int64_t>(std::llround(clamped * kPowers[static_cast<std::size_t>(decimals)]));
}

void AppendSteps(std::int64_t steps, int decimals, std::string* out) {
  if (steps == 0) {
    *out += '0';
    return;
  }
  if (steps < 0) *out += '-';
  std::uint64_t rest = steps < 0 ? 0 - static_cast<std::uint64_t>(steps) : static_cast<std::uint64_t>(steps);
  while (decimals > 0 && rest % 10 == 0) {
    rest /= 10;
    --decimals;
  }
  std::array<char, 24> digits{};  // written from the end: at most 20 digits, a point and zeros
  std::size_t at = digits.size();
  for (int place = 0; rest != 0 || place < decimals; ++place) {
    if (place == decimals && place != 0) digits[--at] = '.';
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
    if (rest == 0 && place + 1 == decimals) digits[--at] = '.';
  }
  out->append(digits.data() + at, digits.size() - at);
}

void AppendNumber(double value, std::string* out, int decimals) { AppendSteps(ToSteps(value, decimals), decimals, out); }

std::string Number(double value, int decimals) {
  std::string text;
  AppendNumber(value, &text, decimals);
  return text;
}

std::string TransformValue(const scene::Matrix& matrix) {
  const auto is = [](double value, double what) { return ToSteps(value, kMostDecimals) == ToSteps(what, kMostDecimals); };
  const bool upright = is(matrix.xy, 0) && is(matrix.yx, 0);
  const bool moves = !is(matrix.x0, 0) || !is(matrix.y0, 0);
  const bool unscaled = is(matrix.xx, 1) && is(matrix.yy, 1);
  std::string text;
  const auto add = [&text](double value) {
    if (text.back() != '(') text += ' ';
    AppendNumber(value, &text);
  };
  if (!upright) {
    text = "matrix(";
    for (double value : {matrix.xx, matrix.yx, matrix.xy, matrix.yy, matrix.x0, matrix.y0}) add(value);
    return text + ")";
  }
  if (moves) {
    text = "translate(";
    add(matrix.x0);
    if (!is(matrix.y0, 0)) add(matrix.y0);
    text += ")";
  }
  if (!unscaled) {
    text += moves ? " scale(" : "scale(";
    add(matrix.xx);
    if (!is(matrix.yy, matrix.xx)) add(matrix.yy);
    text += ")";
  }
  return text;
}

}  // namespace svg
