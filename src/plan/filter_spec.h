// The system call part of a policy as a filter's rules.
#pragma once

#include "bpf/filter.h"
#include "moat/result.h"
#include "policy/model.h"

namespace moat::plan {

// Order: the effective rules (those of the network mode last), then for each call of the ABI
// what the allow and deny lists say. Rule ids count the effective rules from 1.
Result<bpf::FilterSpec> FilterSpecOf(const policy::Model& model, bpf::Abi abi);
// May the call be made whatever its arguments are?
bool IsAlwaysAllowed(const bpf::FilterSpec& spec, std::uint32_t number);

// Calls that a watcher is asked about although they are allowed: what they name may be hidden from the job, or not
// to be written. Whatever it finds, the answer stays what the rules say.
bool LooksAtFiles(std::string_view call);

}  // namespace moat::plan
