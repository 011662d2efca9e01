// What the tests of this folder share: random filters and the inputs that tell two apart.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bpf/filter.h"

namespace moat::bpf::testing {

using Rng = std::mt19937_64;

// [0, bound)
std::size_t Below(Rng& rng, std::size_t bound);
bool OneIn(Rng& rng, std::size_t n);

seccomp_data MakeData(Abi abi, std::uint32_t number, std::vector<std::uint64_t> args = {});
seccomp_data MakeForeign(std::uint32_t arch, std::uint32_t number);
Rule MakeRule(Abi abi, std::string_view call, std::vector<Condition> all_of, Action action);
FilterSpec MakeSpec(Abi abi, std::vector<Rule> rules, Action default_action);

// A valid filter. Values are mostly small, or at the edges of their types.
Condition RandomCondition(Rng& rng, const SyscallInfo& call);  // call has a usable argument
Rule RandomRule(Rng& rng, Abi abi);
FilterSpec RandomSpec(Rng& rng, Abi abi, std::size_t rules);
bool HasUsableArgument(const SyscallInfo& call);
Action RandomAction(Rng& rng);

// Every number of the table and its neighbours, x32, -1 and the edges of the ranges.
std::set<std::uint32_t> InterestingNumbers(Abi abi);
// Values at and around the conditions' own, with bits of the masks and of the upper half flipped.
std::vector<std::uint64_t> InterestingValues(const Condition& condition);
// For each condition on a rule of the call: its interesting values, with the other arguments
// drawn from values that occur in the rules of the call.
std::vector<seccomp_data> InterestingInputs(Rng& rng, const FilterSpec& spec, std::uint32_t number);

}  // namespace moat::bpf::testing
