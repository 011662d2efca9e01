// Files that the door carries with it, made from their sources by tools/gen_assets.py.
#pragma once

#include <string_view>

namespace moat::web {

extern const std::string_view kDashboardHtml, kDashboardCss, kDashboardJs, kOpenApi;

}  // namespace moat::web
