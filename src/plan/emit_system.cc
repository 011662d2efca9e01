// Session, host name, network, limits, environment.
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
constexpr std::uint64_t kOCloexec = 02000000;

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

}  // namespace

bool IsDefaultLimit(const Request& request, const Origin& origin) {
  return origin.empty() || (request.is_default && request.is_default(origin));
}

bool BestEffort(const Request& request) {
  return request.model.mode.best_effort.value == policy::BestEffort::kYes;
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
    abi::Op& own = blob.Add(__NR_unshare, {Value(uapi::kCloneNewNet)});
    if (!loopback) own.flags = abi::kOwnNetwork;
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
