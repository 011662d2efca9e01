// Session, host name, network, limits, control groups, environment.
#include <asm/unistd.h>

#include <algorithm>

#include "base/text.h"
#include "plan/emit.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

using policy::kUnlimited;

constexpr int kRlimitCpu = 0, kRlimitFsize = 1, kRlimitData = 2, kRlimitStack = 3, kRlimitCore = 4, kRlimitNproc = 6,
              kRlimitNofile = 7, kRlimitMemlock = 8, kRlimitAs = 9, kRlimitSigpending = 11, kRlimitMsgqueue = 12,
              kRlimitNice = 13, kRlimitRtprio = 14;
constexpr int kEperm = 1;
constexpr std::uint8_t kEinval = 22;
constexpr std::uint64_t kLockSharedNonblocking = 1 | 4;
constexpr std::uint8_t kEagain = 11;
constexpr std::uint64_t kOCloexec = 02000000;
constexpr std::uint64_t kOWronlyCloexec = 1 | 02000000;
constexpr std::uint64_t kODirectoryCloexec = 0200000 | 02000000;
constexpr std::uint64_t kOPathDirectory = 010000000 | 0200000 | 02000000;

void SetLimit(Blob& blob, int resource, std::uint64_t value, std::string_view name, const Origin& origin) {
  blob.For(name, origin);
  const std::uint64_t both[2] = {value, value};
  abi::Op& op = blob.Add(__NR_prlimit64, {Value(0), Signed(resource), Address(blob.Struct(both)), Value(0)});
  // EPERM: the hard limit that we inherited is lower already, which is stricter than asked.
  op.flags = abi::kTolerate;
  op.tolerated = kEperm;
}

// Whole tree by cgroup; else, for a default, the nearest limit per process.
Status EmitMemoryFallback(Blob& blob, const Request& request) {
  const auto& memory = request.model.limits.memory;
  if (memory.value == kUnlimited) return {};
  const Controller& controller = request.facts.cgroups.memory;
  if (controller.version != Controller::Version::kNone && controller.writable) return {};
  const std::string why = controller.problem.empty() ? "no memory controller" : controller.problem;
  if (!IsDefaultLimit(request, memory.origin) && !BestEffort(request)) {
    return WithOrigin(HostError("the limit `memory` cannot be enforced for the whole job here: " + why,
                                "run as root or in a delegated cgroup, or pass --best-effort (a limit per process then)"),
                      memory.origin);
  }
  SetLimit(blob, kRlimitData, memory.value, "memory per process", memory.origin);
  blob.Layer("memory limit", abi::LayerState::kDegraded, "per process (RLIMIT_DATA) instead of per job: " + why);
  return {};
}

// Whole tree by a group that counts; and per process by RLIMIT_CPU, which needs no one to
// look. A default is content with the latter.
Status EmitCpu(Blob& blob, const Request& request) {
  const auto& cpu = request.model.limits.cpu;
  if (cpu.value == policy::Nanoseconds::max()) return {};
  const bool counted = std::any_of(blob.cgroups().begin(), blob.cgroups().end(), [](const abi::CgroupRow& row) {
    return row.kind == abi::CgroupKind::kV1Cpuacct || row.kind == abi::CgroupKind::kV2;
  });
  const std::string why = request.facts.cgroups.cpuacct.problem;
  if (!counted && !IsDefaultLimit(request, cpu.origin) && !BestEffort(request)) {
    return WithOrigin(HostError("the limit `cpu` cannot be enforced for the whole job here: " + why,
                                "run as root or in a delegated cgroup, or pass --best-effort (a limit per process then)"),
                      cpu.origin);
  }
  const auto seconds = static_cast<std::uint64_t>((cpu.value.count() + 999999999) / 1000000000);
  SetLimit(blob, kRlimitCpu, std::max<std::uint64_t>(1, seconds) + (counted ? 1 : 0), "cpu per process", cpu.origin);
  blob.Layer("cpu limit", counted ? abi::LayerState::kEnforced : abi::LayerState::kDegraded,
             counted ? "whole job, by its cgroup" : "per process (RLIMIT_CPU)");
  return {};
}

bool CountsPids(Blob& blob) { return (blob.header().flags & abi::kCountsPids) != 0; }

Status EmitPids(Blob& blob, const Request& request) {
  const auto& pids = request.model.limits.pids;
  if (pids.value == kUnlimited) return {};
  const Controller& controller = request.facts.cgroups.pids;
  const bool by_group = controller.version != Controller::Version::kNone && controller.writable;
  // A group that counts must be the one that says no: what RLIMIT_NPROC refuses, it never sees.
  if (by_group && CountsPids(blob)) {
    blob.Layer("pids limit", abi::LayerState::kEnforced, controller.version == Controller::Version::kV1 ? "cgroup v1" : "cgroup v2");
    return {};
  }
  const bool own_count = (blob.header().flags & abi::kUserNamespace) != 0 && request.facts.rlimit_nproc_per_ns.works;
  if (own_count || request.facts.root.works) {
    // Counted for the job alone: its uid exists in no other user namespace. pid 1 counts too.
    SetLimit(blob, kRlimitNproc, pids.value + 1, "pids", pids.origin);
    blob.Layer("pids limit", abi::LayerState::kEnforced, "RLIMIT_NPROC in a user namespace of its own");
    return {};
  }
  if (!IsDefaultLimit(request, pids.origin) && !BestEffort(request)) {
    return WithOrigin(HostError("the limit `pids` cannot be enforced for this job alone: " + controller.problem,
                                "run as root, or pass --best-effort to run without it"),
                      pids.origin);
  }
  blob.Layer("pids limit", abi::LayerState::kDegraded, "cannot be counted for this job alone on this kernel");
  return {};
}

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
    opened.tolerated = 2;  // ENOENT
  }
  abi::Op& written = blob.Add(__NR_write, {Int32(fd), content, size});
  if (setting.optional || setting.tolerated != 0) {
    written.flags = abi::kTolerate;
    written.tolerated = setting.optional ? 9 : setting.tolerated;  // EBADF: not opened
  }
  abi::Op& closed = blob.Add(__NR_close, {Int32(fd)});
  if (setting.optional) {
    closed.flags = abi::kTolerate;
    closed.tolerated = 9;
  }
}

void EmitGroup(Blob& blob, abi::CgroupKind kind, const std::string& parent, const std::vector<Setting>& settings) {
  blob.At(kind == abi::CgroupKind::kV2 ? abi::Phase::kAhead : abi::Phase::kGroups, abi::Stage::kCgroup);
  const abi::Offset parent_fd = blob.Int(), made = blob.Int(), group = blob.Int();
  blob.For(parent, settings.empty() ? Origin{} : settings.front().origin);
  blob.Add(__NR_openat, {Signed(kAtFdcwd), Address(blob.Text(parent)), Value(kOPathDirectory)}).result = parent_fd;
  const abi::Offset name = MOAT_SLOT(blob, group_name);
  blob.Add(__NR_mkdirat, {Int32(parent_fd), Address(name), Value(0755)}).result = made;
  // clone3 and flock want a descriptor that is not O_PATH.
  blob.Add(__NR_openat, {Int32(parent_fd), Address(name), Value(kODirectoryCloexec)}).result = group;
  // `moat doctor --clean` removes what nobody holds. The lock ends with its last holder, whatever
  // ends that. A stranger's exclusive one keeps the cleaner away just as well.
  abi::Op& held = blob.Add(__NR_flock, {Int32(group), Value(kLockSharedNonblocking)});
  held.flags = abi::kTolerate;
  held.tolerated = kEagain;
  for (const Setting& setting : settings) {
    WriteGroupFile(blob, group, setting, Address(blob.Text(setting.value)), Value(setting.value.size()));
  }
  if (kind == abi::CgroupKind::kV2) blob.header().clone_cgroup = group;
  blob.cgroups().push_back({kind, {}, blob.Text(parent), parent_fd, made, group});
}

bool Usable(const Controller& controller) {
  return controller.version != Controller::Version::kNone && controller.writable;
}

// The groups of a job. A process is in one group of the v2 hierarchy. What was found higher up is
// there for all: a controller that ends in a group was passed on by every one above it.
class Groups {
 public:
  explicit Groups(Blob& blob) : blob_(blob) {}
  void Add(const Controller& controller, abi::CgroupKind v1_kind, const std::vector<Setting>& v1, const std::vector<Setting>& v2) {
    if (controller.version == Controller::Version::kV1) return EmitGroup(blob_, v1_kind, controller.folder, v1);
    if (v2_folder_.empty() || controller.folder.size() < v2_folder_.size()) v2_folder_ = controller.folder;
    v2_.insert(v2_.end(), v2.begin(), v2.end());
  }
  void Finish() {
    if (!v2_folder_.empty()) EmitGroup(blob_, abi::CgroupKind::kV2, v2_folder_, v2_);
  }

 private:
  Blob& blob_;
  std::vector<Setting> v2_;
  std::string v2_folder_;
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

// The default number of processes is kept by RLIMIT_NPROC, which costs nothing; a group
// of its own is made when the number was asked for, and then its hits are counted too.
void AddPids(Blob& blob, Groups& groups, const Request& request) {
  const auto& limit = request.model.limits.pids;
  const Controller& controller = request.facts.cgroups.pids;
  if (limit.value == kUnlimited || !Usable(controller)) return;
  if (IsDefaultLimit(request, limit.origin) && controller.version != Controller::Version::kV2) return;
  const Setting setting{"pids.max", base::Number(limit.value + 1), false, limit.origin};
  groups.Add(controller, abi::CgroupKind::kV1Pids, {setting}, {setting});
  blob.header().flags |= abi::kCountsPids;
}

// A group that only counts: made when the limit was asked for.
void AddCpuTime(Groups& groups, const Request& request) {
  const auto& limit = request.model.limits.cpu;
  const Controller& controller = request.facts.cgroups.cpuacct;
  if (limit.value == policy::Nanoseconds::max() || IsDefaultLimit(request, limit.origin) || !Usable(controller)) return;
  groups.Add(controller, abi::CgroupKind::kV1Cpuacct, {}, {});
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

bool IsDefaultLimit(const Request& request, const Origin& origin) {
  return origin.empty() || (request.is_default && request.is_default(origin));
}

bool BestEffort(const Request& request) {
  return request.model.mode.best_effort.value == policy::BestEffort::kYes;
}

Status EmitCgroups(Blob& blob, const Request& request) {
  Groups groups(blob);
  AddMemory(blob, groups, request);
  AddPids(blob, groups, request);
  AddCpuTime(groups, request);
  MOAT_TRY(AddCpuRate(blob, groups, request));
  groups.Finish();
  return {};
}

// A v1 group is entered by pid 1 itself, which writes "0" to `tasks`: moving another process
// takes a lock that waits for an RCU grace period, 10 ms and more on a quiet machine.
void EmitCgroupEntry(Blob& blob, const Request& request) {
  blob.At(abi::Phase::kSettle, abi::Stage::kCgroup);
  for (const abi::CgroupRow& row : blob.cgroups()) {
    if (row.kind == abi::CgroupKind::kV2) continue;
    const Setting enter{"tasks", "0", false, {}};
    WriteGroupFile(blob, row.fd, enter, Address(blob.Text("0")), Value(1));
  }
  if (request.facts.cgroup_ns.works) {
    blob.For("", {});
    blob.Add(__NR_unshare, {Value(uapi::kCloneNewCgroup)});
  }
}

// Bytes read and written. The file of a process that made itself unreadable belongs to root; root's
// launcher reads it when all is over. Another one may not: pid 1 opens it while it may itself.
void EmitAccounts(Blob& blob, const Request& request) {
  if (request.facts.root.works) return;
  blob.At(abi::Phase::kSettle, abi::Stage::kLimits);
  blob.For("bytes read and written", {});
  abi::Op& opened = blob.Add(__NR_openat, {Signed(kAtFdcwd), Address(blob.Text("/proc/self/io")), Value(kOCloexec)});
  opened.result = MOAT_SLOT(blob, accounts);
  opened.flags = abi::kOptional;
}

Status EmitLimits(Blob& blob, const Request& request) {
  const policy::Limits& limits = request.model.limits;
  blob.At(abi::Phase::kSetup, abi::Stage::kLimits);
  // 1 and not 0: a core_pattern that is a pipe ignores every limit but this one (fs/coredump.c),
  // and would hand a guest's memory to a program of the host. As a file, 1 byte is none.
  SetLimit(blob, kRlimitCore, 1, "core", {});
  SetLimit(blob, kRlimitNofile, limits.files.value, "files", limits.files.origin);
  if (limits.file_size.value != kUnlimited) {
    SetLimit(blob, kRlimitFsize, limits.file_size.value, "file_size", limits.file_size.origin);
  }
  if (limits.stack.value != kUnlimited) SetLimit(blob, kRlimitStack, limits.stack.value, "stack", limits.stack.origin);
  if (limits.address_space.value != kUnlimited) {
    SetLimit(blob, kRlimitAs, limits.address_space.value, "address_space", limits.address_space.origin);
  }
  if (limits.locked.value != kUnlimited) {
    SetLimit(blob, kRlimitMemlock, limits.locked.value, "locked", limits.locked.origin);
  }
  SetLimit(blob, kRlimitMsgqueue, 64 * 1024, "message queues", {});
  SetLimit(blob, kRlimitSigpending, 1024, "pending signals and timers", {});
  SetLimit(blob, kRlimitNice, 0, "nice ceiling", {});
  SetLimit(blob, kRlimitRtprio, 0, "real-time priority", {});
  MOAT_TRY(EmitMemoryFallback(blob, request));
  MOAT_TRY(EmitCpu(blob, request));
  MOAT_TRY(EmitPids(blob, request));
  if (limits.cpus.value > 0) {
    // So that what counts processors (nproc, thread pools) sees what it gets.
    blob.For("cpus", limits.cpus.origin);
    blob.Add(__NR_sched_setaffinity, {Value(0), Value(sizeof(abi::Slots::processors)), Address(MOAT_SLOT(blob, processors))});
  }
  if (limits.nice.value != 0) {
    blob.For("nice", limits.nice.origin);
    blob.Add(__NR_setpriority, {Value(0), Value(0), Signed(limits.nice.value)});
  }
  return {};
}

namespace {

void EmitLoopback(Blob& blob, const Origin& origin) {
  blob.For("lo", origin);
  struct {
    char name[16];
    std::int16_t flags;
    char rest[22];
  } interface{"lo", 0x1 | 0x40 /* IFF_UP | IFF_RUNNING */, {}};
  constexpr std::uint64_t kSiocsifflags = 0x8914, kAfInet = 2, kSockDgramCloexec = 2 | 02000000;
  const abi::Offset fd = blob.Int();
  blob.Add(__NR_socket, {Value(kAfInet), Value(kSockDgramCloexec), Value(0)}).result = fd;
  blob.Add(__NR_ioctl, {Int32(fd), Value(kSiocsifflags), Address(blob.Struct(interface))});
  blob.Add(__NR_close, {Int32(fd)});  // the launcher shares these numbers until the gate
}

}  // namespace

Status EmitNetwork(Blob& blob, const Request& request) {
  const HostFacts& facts = request.facts;
  const Origin& origin = request.model.network.origin;
  const bool loopback = request.model.network.value == policy::NetworkMode::kLoopback;
  if (loopback && !facts.loopback.works) {
    return WithOrigin(HostError("the loopback interface cannot be set up here: " + facts.loopback.detail, facts.loopback.fix),
                      origin);
  }
  if (facts.net_ns.works) {
    blob.At(abi::Phase::kBirth, abi::Stage::kNetwork);
    blob.For("", origin);
    blob.Add(__NR_unshare, {Value(uapi::kCloneNewNet)});
    if (loopback) EmitLoopback(blob, origin);
  }
  if (facts.uts_ns.works) {
    blob.At(abi::Phase::kBirth, abi::Stage::kHostname);
    blob.For("moat", {});
    blob.Add(__NR_sethostname, {Address(blob.Text("moat")), Value(4)});
    blob.Add(__NR_setdomainname, {Address(blob.Text("(none)")), Value(6)});
  }
  return {};
}

void EmitEnvironment(Blob& blob, const Layout& layout, const Request& request) {
  std::vector<std::pair<std::string, std::string>> set = {
      {"HOME", layout.home},
      {"LOGNAME", "job"},
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"SHELL", "/bin/sh"},
      {"TMPDIR", "/tmp"},
      {"USER", "job"},
      {"XDG_CACHE_HOME", layout.home + "/.cache"},
      {"XDG_CONFIG_HOME", layout.home + "/.config"},
      {"XDG_DATA_HOME", layout.home + "/.local/share"},
      {"XDG_STATE_HOME", layout.home + "/.local/state"},
  };
  for (const auto& [name, value] : request.model.environment.set) {
    const auto same = std::find_if(set.begin(), set.end(), [&name = name](const auto& row) { return row.first == name; });
    if (same != set.end()) {
      same->second = value.value;
    } else {
      set.emplace_back(name, value.value);
    }
  }
  for (const auto& [name, value] : set) {
    blob.env().push_back({abi::EnvKind::kSet, {}, blob.Text(name), blob.Text(value)});
  }
  for (const auto& pass : request.model.environment.pass) {
    const bool prefix = !pass.value.empty() && pass.value.back() == '*';
    const std::string name = prefix ? pass.value.substr(0, pass.value.size() - 1) : pass.value;
    const bool is_set = std::any_of(set.begin(), set.end(), [&name = name](const auto& row) { return row.first == name; });
    if (is_set && !prefix) continue;
    blob.env().push_back({prefix ? abi::EnvKind::kPassPrefix : abi::EnvKind::kPass, {}, blob.Text(name), 0});
  }
}

}  // namespace moat::plan
