#include "probe/cgroup_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::probe {

namespace {

constexpr std::size_t kMaxFile = 4 << 20;  // mountinfo of a host full of containers

// The files that tell what a group can do; the rest is of no interest.
constexpr const char* kTelling[] = {"cgroup.kill", "cgroup.freeze", "memory.max", "pids.max",
                                    "cpu.max",     "cpu.stat",      "cpuset.cpus"};

}  // namespace

std::optional<std::string> RealCgroupHost::Read(const std::string& path) const {
  auto text = sys::ReadFile(path, kMaxFile);
  if (!text.ok()) return std::nullopt;
  return std::move(text).value();
}

GroupTrial RealCgroupHost::TryGroup(const std::string& folder) const {
  GroupTrial trial;
  std::string group = folder + "/moat-probe-" + base::Number(static_cast<std::uint64_t>(gettid()));
  int made = mkdir(group.c_str(), 0700);
  if (made != 0 && errno == EEXIST) {
    // Left by a dead namesake, or in use by a living one of another pid namespace.
    group += "-" + base::Number(sys::NowNs());
    made = mkdir(group.c_str(), 0700);
  }
  if (made != 0) {
    trial.error_number = errno;
    return trial;
  }
  for (const char* name : kTelling) {
    if (access((group + "/" + name).c_str(), F_OK) == 0) trial.files.push_back(name);
  }
  rmdir(group.c_str());
  return trial;
}

plan::Cgroups ProbeCgroups() {
  const RealCgroupHost host;
  const std::string cgroup = host.Read("/proc/self/cgroup").value_or("");
  const std::string mountinfo = host.Read("/proc/self/mountinfo").value_or("");
  return FindCgroups(cgroup, mountinfo, host);
}

}  // namespace moat::probe
