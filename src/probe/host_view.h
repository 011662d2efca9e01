// The file system of this host as the plan compiler sees it. Looks, never touches: no link is
// followed at the end of a path, nothing is opened that could block or notice.
#pragma once

#include <string>
#include <vector>

#include "plan/host_facts.h"

namespace moat::probe {

class RealHost : public plan::HostView {
 public:
  plan::PathFacts Look(const std::string& path) const override;
  std::vector<std::string> List(const std::string& path) const override;
  std::string Head(const std::string& path, std::size_t bytes) const override;
};

}  // namespace moat::probe
