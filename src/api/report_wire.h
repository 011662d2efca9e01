// A Report as bytes, from the helper to the library: an order of magnitude cheaper than JSON.
// Both ends are the same version. Core code; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "moat/report.h"

namespace moat::api {

std::string PackReport(const Report& report);
// Nothing, when the bytes are not exactly one report.
std::optional<Report> UnpackReport(std::string_view bytes);

}  // namespace moat::api
