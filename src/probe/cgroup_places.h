// Where in a hierarchy of control groups a job's group can be made. Pure, like cgroups.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "probe/cgroups.h"

namespace moat::probe {

// A group of one hierarchy and what was seen of it.
struct Place {
  std::string folder;  // "": not visible
  std::string top;     // of the mount that shows it
  std::string problem, fix;
  GroupTrial trial;
  bool writable = false;
};

// Our own group.
Place LookAt(const std::vector<CgroupMount>& mounts, const Membership& membership, const CgroupHost& host);

// v2: our own group and, where it has processes in it and so cannot pass controllers on, the
// groups above it as far as a job there would be under the same limits: `limits` becomes what was read
// to know that.
std::vector<Place> UnifiedPlaces(Place own, const CgroupHost& host, std::vector<plan::LimitFile>& limits);

// The nearest of them that gives its groups the controller; else our own, with what is amiss.
plan::Controller OnUnified(const std::vector<Place>& places, std::string_view name, std::string_view telling_file,
                           const CgroupHost& host);

plan::Controller FromPlace(const Place& place, plan::Controller::Version version);

}  // namespace moat::probe
