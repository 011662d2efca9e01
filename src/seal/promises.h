// Words for whole programs, in the manner of pledge(2). Pure.
#pragma once

#include "moat/seal.h"
#include "seal/rules.h"

namespace moat::seal {

void AddPromises(Rules& rules, const SealRequest& request);

}  // namespace moat::seal
