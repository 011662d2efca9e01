// Numbers as SVG text. Fixed point only: no locale, no exponent, no "-0", the same on every machine.
#pragma once

#include <cstdint>
#include <string>

#include "scene/scene.h"

namespace svg {

constexpr int kMostDecimals = 6;

// `value` in steps of 10^-decimals, rounded; NaN is 0, and what is larger than any picture is clamped.
std::int64_t ToSteps(double value, int decimals);

// "12.5", "-.25", "0": the shortest form of steps * 10^-decimals.
void AppendSteps(std::int64_t steps, int decimals, std::string* out);

void AppendNumber(double value, std::string* out, int decimals = kMostDecimals);
std::string Number(double value, int decimals = kMostDecimals);

// The value of a transform attribute, "" for the identity: translate, scale or matrix, the shortest.
std::string TransformValue(const scene::Matrix& matrix);

}  // namespace svg
