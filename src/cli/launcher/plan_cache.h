// Plans compiled ahead. The cache is a folder that only the caller may write: a plan is
// trusted as much as the policy that it was made from. A file is one plan, its name the hash
// of everything that the plan depends on except for files, which the plan itself lists. It says
// again whose plan it is and carries a checksum: a torn or a foreign file is never used.
#pragma once

#include <string>
#include <vector>

#include "cli/launcher/invocation.h"
#include "moat/result.h"

namespace moat::launcher {

struct Environment {
  std::string path;                  // $PATH
  std::string cache_home;            // $XDG_CACHE_HOME
  std::string home;                  // $HOME
  std::vector<std::string> variables;  // all, "NAME=value"
};

class PlanCache {
 public:
  // Does not touch the disk yet.
  PlanCache(const Invocation& run, const Environment& environment, const std::string& cwd, const std::string& tool);

  // The plan, when there is one and everything that it was made from is still the same.
  std::string Find() const;
  // Best effort: without a cache the next run is slower, nothing else.
  void Keep(const std::string& plan) const;
  // A plan that the host no longer bears out.
  void Forget() const;

 private:
  std::string folder_;  // "" : no cache
  std::string parent_;  // made when missing
  std::string key_, file_;
};

}  // namespace moat::launcher
