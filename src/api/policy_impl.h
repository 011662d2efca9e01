// What a moat::Policy is inside.
#pragma once

#include <string>
#include <vector>

#include "moat/policy.h"
#include "policy/model.h"

namespace moat {

struct Policy::Impl {
  policy::Model model;
  std::vector<std::string> shipped;  // folders of profiles whose limits are defaults
};

}  // namespace moat
