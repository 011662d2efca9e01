// Why a path that a job names is not for it: the line of [files] that hides it or shows it read-only, and what would
// change that. The path is the guest's word; the answer is for people to read.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bpf/syscall_table.h"
#include "moat/result.h"
#include "policy/model.h"
#include "sys/fd.h"
#include "watch/guest.h"

namespace moat::watch {

struct PathTrouble {
  std::string action;  // "errno ENOENT", "errno EROFS", "errno EACCES"; "" for no trouble
  std::string rule;    // begins with "[files]"
  std::string edit;    // as TOML; "" where there is none to propose
};

// The root folder of a job, opened once: all of its processes have the same, unless a policy lets them make others.
class JobRoot {
 public:
  // In the job's own root, whatever links are in it. For looking at, not for reading.
  Result<sys::Fd> Open(const Guest& guest, const std::string& path);

 private:
  sys::Fd root_;
};

// What was found out about paths of the host, for all jobs of one policy: they see the same of them. Thread-safe.
class KnownPaths {
 public:
  std::optional<PathTrouble> Find(const std::string& key) const;
  void Keep(const std::string& key, const PathTrouble& trouble);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, PathTrouble> paths_;
};

// `path` is absolute and normal. Looks at the caller's files and the job's, follows no link out of those. `known`: null, or
// of the same model.
PathTrouble TroubleWith(const std::string& path, const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest,
                        JobRoot& root, const policy::Model& model, KnownPaths* known);

// Whether a denial's rule is one of these.
bool IsAboutFiles(std::string_view rule);

}  // namespace moat::watch
