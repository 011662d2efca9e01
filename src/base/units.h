// Sizes and durations, as people write them. A unit is always required and none is
// guessed; a value is exact or it is refused. Pure; core code may use it.
//
//   size      B, K (or KiB) = 1024 B, M (MiB), G (GiB), T (TiB): "512M", "1.5G"
//   duration  ns, us, ms, s, m, h: "30s", "1.5h"
//
// KB, MB, GB and TB are refused: half of the world reads 1000 there, the other half 1024.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "moat/result.h"

namespace moat::base {

// Bytes, at most 2^63 - 1: the kernel's file sizes and resource limits are signed.
Result<std::uint64_t> ParseSize(std::string_view text);
// Nanoseconds, at most 2^63 - 1 (292 years).
Result<std::int64_t> ParseDuration(std::string_view text);

// The shortest exact form in one unit: 1048576 is "1M", 1048577 is "1048577B".
std::string FormatSize(std::uint64_t bytes);
std::string FormatDuration(std::int64_t nanoseconds);

// Plain numbers without unit: digits only.
Result<std::uint64_t> ParseCount(std::string_view text);
// A decimal fraction, exact in binary or not: "0.5", "12". At most 15 digits.
Result<double> ParseDecimal(std::string_view text);
std::string FormatDecimal(double value);  // up to 6 digits after the point

}  // namespace moat::base
