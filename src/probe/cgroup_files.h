// The cgroups of this host: FindCgroups() over the real files.
#pragma once

#include "probe/cgroups.h"

namespace moat::probe {

class RealCgroupHost : public CgroupHost {
 public:
  std::optional<std::string> Read(const std::string& path) const override;
  // Makes and removes the group "moat-probe-<tid>-<ns>"; writes to no file of any group.
  GroupTrial TryGroup(const std::string& folder) const override;
};

plan::Cgroups ProbeCgroups();

}  // namespace moat::probe
