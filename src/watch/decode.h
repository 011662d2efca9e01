// The arguments of a call in words: names of the table, values by their kind, paths and addresses out of
// the guest's memory. What comes back may hold any bytes that the guest wrote; printing it safely is
// the caller's business (base/safe_text.h).
#pragma once

#include <cstdint>
#include <string>

#include "bpf/syscall_table.h"
#include "watch/guest.h"

namespace moat::watch {

struct Decoded {
  std::string arguments;  // "dirfd=AT_FDCWD, pathname=\"/etc/passwd\", flags=O_RDONLY|O_CLOEXEC"
  std::string path;       // that the call is about: absolute where the guest's folder could be read
};

Decoded Decode(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest);
// `path` of that alone, at the cost of one read.
std::string PathOf(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest);

// Whether the argument names a file, in calls that take such.
bool IsPath(std::string_view argument);

}  // namespace moat::watch
