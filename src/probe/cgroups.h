// Where each cgroup controller is, on any of the layouts there are: v1 (each hierarchy may
// hold several controllers), v2, both at once ("hybrid"), with or without a cgroup namespace,
// with a subtree mounted only. Pure: it gets the two texts and asks the host through an
// interface.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/host_facts.h"

namespace moat::probe {

// A group made for a moment below a folder, and removed again.
struct GroupTrial {
  int error_number = 0;            // 0: groups can be made there, and entered
  std::vector<std::string> files;  // that the new group had; v2: they tell the controllers
};

class CgroupHost {
 public:
  virtual ~CgroupHost() = default;
  virtual std::optional<std::string> Read(const std::string& path) const = 0;
  virtual GroupTrial TryGroup(const std::string& folder) const = 0;
};

struct CgroupMount {
  enum class Version : std::uint8_t { kV1, kV2 } version = Version::kV1;
  enum class Access : std::uint8_t { kWritable, kReadOnly } access = Access::kWritable;
  std::string root;                      // the group that is mounted
  std::string point;                     // where
  std::vector<std::string> controllers;  // v1
};

// One line of /proc/self/cgroup.
struct Membership {
  std::uint64_t hierarchy = 0;           // 0: v2
  std::vector<std::string> controllers;  // v1
  std::string path;
};

std::vector<CgroupMount> ParseCgroupMounts(std::string_view mountinfo);
std::vector<Membership> ParseMemberships(std::string_view cgroup);

// The folder of our own group below that mount; nothing when the mount does not show it.
std::optional<std::string> GroupFolder(const CgroupMount& mount, std::string_view path);

plan::Cgroups FindCgroups(std::string_view cgroup, std::string_view mountinfo, const CgroupHost& host);

}  // namespace moat::probe
