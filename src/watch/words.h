// Numbers as the constants of spec/constants.toml, by what the argument of that call means. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bpf/syscall_table.h"

namespace moat::watch {

// "TCGETS", "PROT_READ|PROT_WRITE", "AF_INET"; "" where no constant of that argument fits whole.
std::string InWords(const bpf::SyscallInfo& call, unsigned argument, std::uint64_t value);

// The arguments that tell one use of the call from another (cmd of ioctl, option of prctl, domain of
// socket): a bit each. 0: the call is one thing.
unsigned TellingArguments(const bpf::SyscallInfo& call);

// `when` of a rule that holds for these telling arguments and no others: "cmd == TCGETS"; "" for a call
// without telling arguments. `pinned`: further arguments to name.
std::string Condition(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], unsigned pinned = 0);

}  // namespace moat::watch
