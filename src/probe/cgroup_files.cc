#include "probe/cgroup_files.h"

#include <fcntl.h>
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

// Whoever moves a process must be allowed to write where its old and its new group meet: that is
// this folder, or one below that is ours as well. v1 does not ask for it.
int MayMoveHere(const std::string& folder, const std::string& group) {
  if (access((group + "/cgroup.type").c_str(), F_OK) != 0) return 0;
  if (faccessat(AT_FDCWD, (folder + "/cgroup.procs").c_str(), W_OK, AT_EACCESS) != 0) return errno;
  auto type = sys::ReadFile(group + "/cgroup.type", 64);
  return type.ok() && type->rfind("domain invalid", 0) == 0 ? EOPNOTSUPP : 0;
}

}  // namespace

std::optional<std::string> RealCgroupHost::Read(const std::string& path) const {
  auto text = sys::ReadFile(path, kMaxFile);
  if (!text.ok()) return std::nullopt;
  return std::move(text).value();
}

GroupTrial RealCgroupHost::TryGroup(const std::string& folder) const {
  GroupTrial trial;
  // Nobody's namesake: not a dead one's and not one's of another pid namespace.
  const std::string group = folder + "/moat-probe-" + base::Number(static_cast<std::uint64_t>(gettid())) + "-" +
                            base::Number(sys::NowNs());
  if (mkdir(group.c_str(), 0700) != 0) {
    trial.error_number = errno;
    return trial;
  }
  for (const char* name : kTelling) {
    if (access((group + "/" + name).c_str(), F_OK) == 0) trial.files.push_back(name);
  }
  trial.error_number = MayMoveHere(folder, group);
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
