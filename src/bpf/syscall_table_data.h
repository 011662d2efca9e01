// What the generator writes and syscall_table.cc reads; nobody else includes this.
#pragma once

#include <cstdint>
#include <span>

#include "bpf/syscall_table.h"

namespace moat::bpf {

struct SyscallTable {
  std::span<const SyscallInfo> calls;      // by number
  std::span<const std::uint16_t> by_name;  // indexes into calls, in the order of the names
};

extern const SyscallTable kX86_64Table;
extern const SyscallTable kAarch64Table;
extern const std::span<const GroupInfo> kGroups;

}  // namespace moat::bpf
