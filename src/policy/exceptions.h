// [lint] allow and [attack] allow: risks that somebody looked at and took. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "moat/result.h"
#include "policy/model.h"
#include "policy/tree.h"

namespace moat::policy {

// Adds the entries of `allow = [{ rule = "...", reason = "..." }]`; in [attack] the first key is `probe`, and
// `before_linux = "6.15"` may be added. Both other keys are required, the same one twice in one file is an error.
Status ReadExceptions(std::vector<Exception>& exceptions, std::string_view section, const Entry& allow);

// Whether it speaks of the kernel that calls itself so: "6.18.44-cloud". One that does not begin with two
// numbers is taken for a newer one.
bool AppliesTo(const Exception& exception, std::string_view kernel_release);

// "rule" or "probe".
std::string_view ExceptionKey(std::string_view section);

}  // namespace moat::policy
