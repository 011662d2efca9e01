// The system call part of a policy as a filter's rules.
#pragma once

#include "bpf/filter.h"
#include "moat/result.h"
#include "policy/model.h"

namespace moat::plan {

// Order: rules that the network mode adds, the policy's rules, its allow list less its deny
// list. Rule ids count the policy's rules from 1 and go on with the allow list.
Result<bpf::FilterSpec> FilterSpecOf(const policy::Model& model, bpf::Abi abi);

}  // namespace moat::plan
