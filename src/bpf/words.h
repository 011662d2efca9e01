// Verdicts in words, for listings and reports. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace moat::bpf {

// "allow", "errno EPERM", "kill-process"; also what moat itself never emits ("trace 3",
// "kill-thread"), because the disassembler reads foreign programs too.
std::string RetInWords(std::uint32_t ret);

}  // namespace moat::bpf
