// The structures behind the pointers of prepared system calls, in numbers.
#pragma once

#include <string>
#include <string_view>

#include "plan/abi.h"

namespace moat::plan {

// "{0x200000, 0, 24}" for argument `i` of `op` when it is a structure that moat fills; ""
// for texts and for what the kernel writes. `bytes` begin where the argument points.
std::string StructText(const abi::Op& op, unsigned i, std::string_view bytes);

// One number of a plan: small ones as they are, masks in hexadecimal.
std::string WordText(std::uint64_t word);

}  // namespace moat::plan
