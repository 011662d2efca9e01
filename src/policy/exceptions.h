// [lint] allow: risks that somebody looked at and took. Pure.
#pragma once

#include <vector>

#include "moat/result.h"
#include "policy/model.h"
#include "policy/tree.h"

namespace moat::policy {

// Adds the entries of `allow = [{ rule = "...", reason = "..." }]`. Both keys are required, the same
// rule twice in one file is an error.
Status ReadExceptions(std::vector<LintException>& exceptions, const Entry& allow);

}  // namespace moat::policy
