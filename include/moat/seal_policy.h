// The policy file of a jail, used for a seal where it has meaning there.
//
//   moat::Status Lock(const moat::Policy& policy, int in, int out) {
//     auto from = MOAT_TRY(moat::SealOf(policy));
//     for (const std::string& line : from.without_meaning) std::puts(line.c_str());
//     MOAT_TRY(from.seal.Read(in).Write(out).Apply());
//     return {};
//   }
//
// Calls that a jail confines by its mounts, its network or its process numbers are left out: a
// seal has none of these. What is left out is said, line by line. Descriptors are the caller's
// to declare. Ownership: values. Errors: kPolicy.
#pragma once

#include <string>
#include <vector>

#include "moat/policy.h"
#include "moat/result.h"
#include "moat/seal.h"

namespace moat {

struct PolicySeal {
  Seal seal;
  std::vector<std::string> without_meaning;  // "[files]: ..."
};

Result<PolicySeal> SealOf(const Policy& policy, SealSelfTest self_test = MOAT_SEAL_SELF_TEST);

}  // namespace moat
