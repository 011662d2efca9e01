#include "probe/cgroup_places.h"

#include <algorithm>
#include <cerrno>

#include "base/errno_name.h"

namespace moat::probe {

using plan::Controller;

namespace {

constexpr std::string_view kReadWrite =
    "mount the cgroup file system read-write (docker: --security-opt writable-cgroups=true; "
    "podman: --security-opt unmask=/sys/fs/cgroup)";
constexpr std::string_view kDelegate = "run below a delegated group: systemd-run --user --scope -p Delegate=yes";

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ' || c == '\n') {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// A limit of this group itself that a job in a group above it would not be under; "" when none.
std::string OwnLimit(const std::string& folder, const CgroupHost& host, std::vector<plan::LimitFile>* read = nullptr) {
  const struct {
    const char *file, *unlimited;
  } rows[] = {{"memory.max", "max"}, {"memory.high", "max"}, {"memory.swap.max", "max"}, {"memory.zswap.max", "max"},
              {"pids.max", "max"},   {"cpu.max", "max"},     {"cpuset.cpus", ""},        {"cpuset.mems", ""},
              {"io.max", ""},        {"cgroup.freeze", "0"}};
  std::string limit;
  for (const auto& row : rows) {
    const std::string path = folder + "/" + row.file;
    const auto text = host.Read(path);
    if (read != nullptr) read->push_back({path, text});
    if (!text) continue;
    const std::vector<std::string> words = Words(*text);
    const std::string first = words.empty() ? "" : words.front();
    if (first != row.unlimited && limit.empty()) limit = row.file;
  }
  return limit;
}

}  // namespace

Place LookAt(const std::vector<CgroupMount>& mounts, const Membership& membership, const CgroupHost& host) {
  Place place;
  const CgroupMount* best = nullptr;
  bool mounted = false;
  for (const CgroupMount& mount : mounts) {
    const bool v2 = membership.hierarchy == 0;
    if (v2 != (mount.version == CgroupMount::Version::kV2)) continue;
    if (!v2 && (membership.controllers.empty() || !Has(mount.controllers, membership.controllers[0]))) continue;
    mounted = true;
    if (!GroupFolder(mount, membership.path)) continue;
    if (best == nullptr || (best->access == CgroupMount::Access::kReadOnly && mount.access != best->access)) best = &mount;
  }
  if (best == nullptr) {
    place.problem = mounted ? "our own group " + membership.path + " is not visible below its mount" : "it is not mounted";
    place.fix = mounted ? "mount a cgroup file system that shows our own group"
                        : "mount it below /sys/fs/cgroup, or show the host's there";
    return place;
  }
  place.folder = *GroupFolder(*best, membership.path);
  place.top = best->point;
  if (best->access == CgroupMount::Access::kReadOnly) {
    place.problem = best->point + " is mounted read-only";
    place.fix = kReadWrite;
    place.trial.error_number = EROFS;
    return place;
  }
  place.trial = host.TryGroup(place.folder);
  place.writable = place.trial.error_number == 0;
  if (place.writable) return place;
  place.problem = "no group can be made in " + place.folder + " (mkdir: " +
                  std::string(base::ErrnoName(place.trial.error_number)) + ")";
  if (place.trial.error_number == EROFS) place.fix = kReadWrite;
  if (place.trial.error_number == EACCES || place.trial.error_number == EPERM) {
    place.fix = membership.hierarchy == 0 ? std::string(kDelegate) : "run as root, or chown " + place.folder + " to this user";
  }
  return place;
}

Controller FromPlace(const Place& place, Controller::Version version) {
  Controller controller;
  controller.version = version;
  controller.folder = place.folder;
  controller.writable = place.writable;
  controller.problem = place.problem;
  controller.fix = place.fix;
  controller.error_number = place.trial.error_number;
  return controller;
}

std::vector<Place> UnifiedPlaces(Place own, const CgroupHost& host, std::vector<plan::LimitFile>& limits) {
  std::vector<Place> places;
  places.push_back(std::move(own));
  if (places.front().folder.empty() || places.front().trial.error_number == EROFS) return places;
  const std::string top = places.front().top;
  std::string folder = places.front().folder;
  const auto complete = [&] {
    constexpr const char* kWanted[] = {"memory.max", "pids.max", "cpu.max"};
    return std::all_of(std::begin(kWanted), std::end(kWanted), [&](const char* file) {
      return std::any_of(places.begin(), places.end(),
                         [&](const Place& place) { return place.writable && Has(place.trial.files, file); });
    });
  };
  while (!complete() && folder.size() > top.size() && OwnLimit(folder, host, &limits).empty()) {
    folder.resize(folder.rfind('/'));
    Place above;
    above.folder = folder;
    above.top = top;
    above.trial = host.TryGroup(folder);
    above.writable = above.trial.error_number == 0;
    places.push_back(std::move(above));
  }
  return places;
}

// A controller is there for our children when a group passes it on to them. Whether it does is
// seen by the files that a new group has; why it does not is read.
Controller OnUnified(const std::vector<Place>& places, std::string_view name, std::string_view telling_file,
                     const CgroupHost& host) {
  for (const Place& each : places) {
    if (each.writable && Has(each.trial.files, telling_file)) return FromPlace(each, Controller::Version::kV2);
  }
  const Place& place = places.front();
  Controller controller = FromPlace(place, Controller::Version::kV2);
  if (!place.writable) return controller;
  controller.writable = false;
  const auto read = [&](std::string_view file) {
    std::string text = host.Read(place.folder + "/" + std::string(file)).value_or("");
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  };
  const std::string word(name);
  const bool ours = Has(Words(read("cgroup.controllers")), name);
  // Only the true root has no type; it alone may have both processes and controllers.
  const bool true_root = !host.Read(place.folder + "/cgroup.type").has_value();
  if (!ours && true_root) {
    controller.version = Controller::Version::kNone;
    controller.problem = "the kernel offers no " + word + " controller";
    controller.fix = "boot without cgroup_disable=" + word + " (some boards: with cgroup_enable=" + word + ")";
    return controller;
  }
  if (!ours) {
    controller.problem = "our group " + place.folder + " was not given the " + word + " controller";
    controller.fix = kDelegate;
    return controller;
  }
  controller.problem = place.folder + "/cgroup.subtree_control does not pass the " + word + " controller on";
  if (true_root) {
    controller.fix = "echo +" + word + " > " + place.folder + "/cgroup.subtree_control";
    return controller;
  }
  if (!read("cgroup.procs").empty()) {
    controller.problem += ", and cannot while processes are in the group itself";
    if (const std::string limit = OwnLimit(place.folder, host); !limit.empty()) {
      controller.problem += "; a group above it would evade its " + limit;
    }
    controller.fix = std::string(kDelegate) + ", with the processes in a group below";
  } else {
    controller.fix = "echo +" + word + " > " + place.folder + "/cgroup.subtree_control";
  }
  return controller;
}

}  // namespace moat::probe
