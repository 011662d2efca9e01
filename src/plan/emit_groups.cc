// Control groups: what is made for a job, where, and what is written to it.
#include <asm/unistd.h>

#include <algorithm>

#include "base/text.h"
#include "plan/emit.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

using policy::kUnlimited;

constexpr std::uint8_t kEnoent = 2, kEbadf = 9, kEagain = 11, kEinval = 22;
constexpr std::uint64_t kLockSharedNonblocking = 1 | 4;
constexpr std::uint64_t kOWronlyCloexec = 1 | 02000000;
constexpr std::uint64_t kODirectoryCloexec = 0200000 | 02000000;
constexpr std::uint64_t kOPathDirectory = 010000000 | 0200000 | 02000000;

// One group of one hierarchy: made, its files written, pid 1 moved in.
struct Setting {
  std::string file, value;
  bool optional = false;  // a kernel without swap accounting lacks the file
  Origin origin;
  std::uint8_t tolerated = 0;  // errno of the write that is no failure; 0: none
};

void WriteGroupFile(Blob& blob, abi::Offset group, const Setting& setting, Arg content, Arg size) {
  const abi::Offset fd = blob.Int();
  blob.For(setting.file, setting.origin);
  abi::Op& opened = blob.Add(__NR_openat, {Int32(group), Address(blob.Text(setting.file)), Value(kOWronlyCloexec)});
  opened.result = fd;
  if (setting.optional) {
    opened.flags = abi::kTolerate;
    opened.tolerated = kEnoent;
  }
  abi::Op& written = blob.Add(__NR_write, {Int32(fd), content, size});
  if (setting.optional || setting.tolerated != 0) {
    written.flags = abi::kTolerate;
    written.tolerated = setting.optional ? kEbadf : setting.tolerated;  // not opened
  }
  abi::Op& closed = blob.Add(__NR_close, {Int32(fd)});
  if (setting.optional) {
    closed.flags = abi::kTolerate;
    closed.tolerated = kEbadf;
  }
}

// One group of one hierarchy, for all controllers that it has.
struct Group {
  std::string parent;
  std::vector<abi::CgroupKind> kinds;
  std::vector<Setting> settings;
};

void EmitGroup(Blob& blob, const Group& wanted) {
  const bool unified = wanted.kinds.front() == abi::CgroupKind::kV2;
  blob.At(unified ? abi::Phase::kAhead : abi::Phase::kGroups, abi::Stage::kCgroup);
  const abi::Offset parent_fd = blob.Int(), made = blob.Int(), group = blob.Int();
  blob.For(wanted.parent, wanted.settings.empty() ? Origin{} : wanted.settings.front().origin);
  blob.Add(__NR_openat, {Signed(kAtFdcwd), Address(blob.Text(wanted.parent)), Value(kOPathDirectory)}).result = parent_fd;
  const abi::Offset name = MOAT_SLOT(blob, group_name);
  blob.Add(__NR_mkdirat, {Int32(parent_fd), Address(name), Value(0755)}).result = made;
  // clone3 and flock want a descriptor that is not O_PATH.
  blob.Add(__NR_openat, {Int32(parent_fd), Address(name), Value(kODirectoryCloexec)}).result = group;
  // `moat doctor --clean` removes what nobody holds. The lock ends with its last holder, whatever
  // ends that. A stranger's exclusive one keeps the cleaner away just as well.
  abi::Op& held = blob.Add(__NR_flock, {Int32(group), Value(kLockSharedNonblocking)});
  held.flags = abi::kTolerate;
  held.tolerated = kEagain;
  for (const Setting& setting : wanted.settings) {
    WriteGroupFile(blob, group, setting, Address(blob.Text(setting.value)), Value(setting.value.size()));
  }
  if (unified) blob.header().clone_cgroup = group;
  for (const abi::CgroupKind kind : wanted.kinds) {
    blob.cgroups().push_back({kind, {}, blob.Text(wanted.parent), parent_fd, made, group});
  }
}

bool Usable(const Controller& controller) {
  return controller.version != Controller::Version::kNone && controller.writable;
}

// The groups of a job. A process is in one group of each hierarchy, and one of v1 may have several
// controllers (cpu and cpuacct, mostly). What was found higher up in v2 is there for all: a controller
// that ends in a group was passed on by every one above it.
class Groups {
 public:
  void Add(const Controller& controller, abi::CgroupKind v1_kind, const std::vector<Setting>& v1, const std::vector<Setting>& v2) {
    if (controller.version == Controller::Version::kV1) return AddV1(controller.folder, v1_kind, v1);
    if (v2_.parent.empty() || controller.folder.size() < v2_.parent.size()) v2_.parent = controller.folder;
    v2_.settings.insert(v2_.settings.end(), v2.begin(), v2.end());
  }
  void Emit(Blob& blob) const {
    for (const Group& group : v1_) EmitGroup(blob, group);
    if (!v2_.parent.empty()) EmitGroup(blob, v2_);
  }

 private:
  void AddV1(const std::string& folder, abi::CgroupKind kind, const std::vector<Setting>& settings) {
    auto group = std::find_if(v1_.begin(), v1_.end(), [&](const Group& made) { return made.parent == folder; });
    if (group == v1_.end()) group = v1_.insert(group, Group{folder, {}, {}});
    group->kinds.push_back(kind);
    group->settings.insert(group->settings.end(), settings.begin(), settings.end());
  }

  std::vector<Group> v1_;
  Group v2_{{}, {abi::CgroupKind::kV2}, {}};
};

void AddMemory(Blob& blob, Groups& groups, const Request& request) {
  const auto& limit = request.model.limits.memory;
  const Controller& controller = request.facts.cgroups.memory;
  if (limit.value == kUnlimited || !Usable(controller)) return;
  const std::string bytes = base::Number(limit.value);
  const Origin& origin = limit.origin;
  groups.Add(controller, abi::CgroupKind::kV1Memory,
             {{"memory.limit_in_bytes", bytes, false, origin}, {"memory.memsw.limit_in_bytes", bytes, true, origin}},
             {{"memory.max", bytes, false, origin}, {"memory.swap.max", "0", true, origin}, {"memory.oom.group", "1", true, origin}});
  blob.Layer("memory limit", abi::LayerState::kEnforced,
             controller.version == Controller::Version::kV1 ? "cgroup v1" : "cgroup v2");
}

// Who is refused by RLIMIT_NPROC is counted by nobody: a group is made wherever one may be.
void AddPids(Blob& blob, Groups& groups, const Request& request) {
  const auto& limit = request.model.limits.pids;
  const Controller& controller = request.facts.cgroups.pids;
  if (limit.value == kUnlimited || !Usable(controller)) return;
  const Setting setting{"pids.max", base::Number(limit.value + 1), false, limit.origin};
  groups.Add(controller, abi::CgroupKind::kV1Pids, {setting}, {setting});
  blob.header().flags |= abi::kCountsPids;
}

// A group that only counts, for every job: what a process used whose parent does not ask for it is
// nowhere else.
void AddCpuTime(Groups& groups, const Request& request) {
  const Controller& controller = request.facts.cgroups.cpuacct;
  if (Usable(controller)) groups.Add(controller, abi::CgroupKind::kV1Cpuacct, {}, {});
}

Status AddCpuRate(Blob& blob, Groups& groups, const Request& request) {
  const auto& limit = request.model.limits.cpus;
  const Controller& controller = request.facts.cgroups.cpu;
  if (limit.value <= 0) return {};
  if (!Usable(controller)) {
    if (!BestEffort(request)) {
      return WithOrigin(HostError("the limit `cpus` cannot be enforced here: " + controller.problem,
                                  "run as root or in a delegated cgroup, or drop the limit"),
                        limit.origin);
    }
    blob.Layer("cpus limit", abi::LayerState::kDegraded, controller.problem);
    return {};
  }
  constexpr std::uint64_t kPeriodUs = 100000;
  const auto quota = base::Number(std::max<std::uint64_t>(1000, static_cast<std::uint64_t>(limit.value * kPeriodUs)));
  const std::string period = base::Number(kPeriodUs);
  // EINVAL: a group around allows less already (kernel/sched/core.c, tg_cfs_schedulable_down), and goes on to.
  groups.Add(controller, abi::CgroupKind::kV1Cpu,
             {{"cpu.cfs_period_us", period, false, limit.origin}, {"cpu.cfs_quota_us", quota, false, limit.origin, kEinval}},
             {{"cpu.max", quota + " " + period, false, limit.origin}});
  blob.Layer("cpus limit", abi::LayerState::kEnforced, "cgroup");
  return {};
}

}  // namespace

Status EmitCgroups(Blob& blob, const Request& request) {
  Groups groups;
  AddMemory(blob, groups, request);
  AddPids(blob, groups, request);
  AddCpuTime(groups, request);
  MOAT_TRY(AddCpuRate(blob, groups, request));
  groups.Emit(blob);
  return {};
}

// A v1 group is entered by pid 1 itself, which writes "0" to `tasks`: moving another process
// takes a lock that waits for an RCU grace period, 10 ms and more on a quiet machine.
void EmitCgroupEntry(Blob& blob, const Request& request) {
  blob.At(abi::Phase::kSettle, abi::Stage::kCgroup);
  abi::Offset entered = 0;
  for (const abi::CgroupRow& row : blob.cgroups()) {
    if (row.kind == abi::CgroupKind::kV2 || row.fd == entered) continue;
    entered = row.fd;
    const Setting enter{"tasks", "0", false, {}};
    WriteGroupFile(blob, row.fd, enter, Address(blob.Text("0")), Value(1));
  }
  if (request.facts.cgroup_ns.works) {
    blob.For("", {});
    blob.Add(__NR_unshare, {Value(uapi::kCloneNewCgroup)});
  }
}

}  // namespace moat::plan
