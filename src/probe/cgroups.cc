#include "probe/cgroups.h"

#include <algorithm>

#include "probe/cgroup_places.h"

namespace moat::probe {

using plan::Cgroups;
using plan::Controller;

namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> Names(std::string_view text, char separator) {
  std::vector<std::string> names;
  for (const std::string_view part : Split(text, separator)) {
    if (!part.empty()) names.emplace_back(part);
  }
  return names;
}

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The kernel writes space, tab, new line and backslash of a path as \ooo.
std::string Unescape(std::string_view text) {
  const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<CgroupMount> ParseCgroupMounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (const std::string_view line : Split(mountinfo, '\n')) {
    // 36 31 0:24 ROOT POINT OPTIONS [tag:value]... - TYPE SOURCE SUPER-OPTIONS; proc(5)
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto head = Split(line.substr(0, dash), ' ');
    const auto tail = Split(line.substr(dash + 3), ' ');
    if (head.size() < 6 || tail.size() < 3) continue;
    CgroupMount mount;
    mount.root = Unescape(head[3]);
    mount.point = Unescape(head[4]);
    // What is mounted over hides what was there.
    std::erase_if(mounts, [&](const CgroupMount& each) { return each.point == mount.point; });
    if (tail[0] != "cgroup" && tail[0] != "cgroup2") continue;
    const auto super = Names(tail[2], ',');
    mount.version = tail[0] == "cgroup2" ? CgroupMount::Version::kV2 : CgroupMount::Version::kV1;
    if (Has(Names(head[5], ','), "ro") || Has(super, "ro")) mount.access = CgroupMount::Access::kReadOnly;
    if (mount.version == CgroupMount::Version::kV1) mount.controllers = super;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<Membership> ParseMemberships(std::string_view cgroup) {
  std::vector<Membership> memberships;
  for (const std::string_view line : Split(cgroup, '\n')) {
    // HIERARCHY:CONTROLLER,...:PATH, and the path may have colons.
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    Membership membership;
    for (const char c : line.substr(0, first)) {
      if (c < '0' || c > '9') break;
      membership.hierarchy = membership.hierarchy * 10 + static_cast<std::uint64_t>(c - '0');
    }
    membership.controllers = Names(line.substr(first + 1, second - first - 1), ',');
    membership.path = line.substr(second + 1);
    memberships.push_back(std::move(membership));
  }
  return memberships;
}

std::optional<std::string> GroupFolder(const CgroupMount& mount, std::string_view path) {
  // "/../x" is a group outside of our cgroup namespace: no mount of ours can show it.
  const auto outside = [](std::string_view name) { return name == "/.." || name.substr(0, 4) == "/../"; };
  if (path.empty() || path[0] != '/' || outside(path)) return std::nullopt;
  if (mount.root == path || path == "/") {
    // A mount of a group that is not ours has another root than "/".
    if (mount.root == path) return mount.point;
    return std::nullopt;
  }
  if (mount.root == "/") return mount.point + std::string(path);
  const bool below = path.substr(0, mount.root.size()) == mount.root && path[mount.root.size()] == '/';
  if (!below) return std::nullopt;
  return mount.point + std::string(path.substr(mount.root.size()));
}

Cgroups FindCgroups(std::string_view cgroup, std::string_view mountinfo, const CgroupHost& host) {
  const std::vector<CgroupMount> mounts = ParseCgroupMounts(mountinfo);
  const struct {
    std::string_view name, telling_file;
    Controller Cgroups::* controller;
  } rows[] = {{"memory", "memory.max", &Cgroups::memory}, {"pids", "pids.max", &Cgroups::pids},
              {"cpu", "cpu.max", &Cgroups::cpu},          {"cpuacct", "cpu.stat", &Cgroups::cpuacct},
              {"cpuset", "cpuset.cpus", &Cgroups::cpuset}, {"freezer", "cgroup.freeze", &Cgroups::freezer}};
  Cgroups found;
  for (const auto& row : rows) {
    (found.*row.controller).problem = "the kernel offers no " + std::string(row.name) + " controller";
    (found.*row.controller).fix = "a kernel built with it and not booted with cgroup_disable=" + std::string(row.name);
  }
  std::vector<std::string> claimed;  // by v1: what is there is not on v2
  std::optional<Place> unified;
  for (const Membership& membership : ParseMemberships(cgroup)) {
    if (membership.hierarchy == 0) {
      unified = LookAt(mounts, membership, host);
      continue;
    }
    const auto wanted = [&](const auto& row) { return Has(membership.controllers, row.name); };
    if (std::none_of(std::begin(rows), std::end(rows), wanted)) continue;
    const Place place = LookAt(mounts, membership, host);
    for (const auto& row : rows) {
      if (!wanted(row)) continue;
      found.*row.controller = FromPlace(place, Controller::Version::kV1);
      claimed.emplace_back(row.name);
    }
  }
  if (!unified) return found;
  found.unified = unified->folder;
  found.kill = Has(unified->trial.files, "cgroup.kill");
  if (unified->folder.empty() && !claimed.empty()) return found;  // a v1 host
  const std::vector<Place> places = UnifiedPlaces(std::move(*unified), host, found.own_limits);
  for (const auto& row : rows) {
    if (Has(claimed, row.name)) continue;
    found.*row.controller = OnUnified(places, row.name, row.telling_file, host);
  }
  return found;
}

}  // namespace moat::probe
