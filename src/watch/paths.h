// Why a path that a job names is not for it: the line of [files] that hides it or shows it read-only, and what would
// change that. The path is the guest's word; the answer is for people to read.
#pragma once

#include <string>
#include <string_view>

#include "bpf/syscall_table.h"
#include "policy/model.h"
#include "watch/guest.h"

namespace moat::watch {

struct PathTrouble {
  std::string action;  // "errno ENOENT", "errno EROFS", "errno EACCES"; "" for no trouble
  std::string rule;    // begins with "[files]"
  std::string edit;    // as TOML; "" where there is none to propose
};

// `path` is absolute and normal. Looks at the caller's files and the job's, follows no link out of those.
PathTrouble TroubleWith(const std::string& path, const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest,
                        const policy::Model& model);

// Whether a denial's rule is one of these.
bool IsAboutFiles(std::string_view rule);

}  // namespace moat::watch
