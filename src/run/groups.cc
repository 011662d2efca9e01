#include "run/groups.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

using abi::CgroupKind;

std::string Read(int group, const char* file) {
  if (group < 0) return {};
  auto fd = sys::openat2(group, file, O_RDONLY, uapi::kResolveBeneath);
  if (!fd.ok()) return {};
  auto text = sys::ReadAll(*fd, 64 * 1024, file);
  return text.ok() ? std::move(text).value() : std::string();
}

std::uint64_t ToNumber(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// "oom_kill 3" in a file of "name value" lines.
std::uint64_t Field(const std::string& text, std::string_view name) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ' ') {
      return ToNumber(line.substr(name.size() + 1));
    }
    at = end + 1;
  }
  return 0;
}

void ReadMemoryV1(int group, Job::Detail detail, Report& report, Evidence& evidence) {
  if (detail == Job::Detail::kFull) report.memory_peak = ToNumber(Read(group, "memory.max_usage_in_bytes"));
  evidence.oom_kills = Field(Read(group, "memory.oom_control"), "oom_kill");
}

void ReadV2(int group, Report& report, Evidence& evidence) {
  report.memory_peak = ToNumber(Read(group, "memory.peak"));
  report.pids_peak = ToNumber(Read(group, "pids.peak"));
  evidence.oom_kills = Field(Read(group, "memory.events"), "oom_kill");
  evidence.pids_hits = Field(Read(group, "pids.events"), "max");
}

}  // namespace

bool ReadCpu(LivePlan& plan, std::uint64_t& ns) {
  const auto* rows = plan.Rows<abi::CgroupRow>(plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    const int group = plan.Int(rows[i].fd);
    if (rows[i].kind == CgroupKind::kV1Cpuacct) {
      const std::string text = Read(group, "cpuacct.usage");
      if (text.empty()) return false;
      ns = ToNumber(text);
      return true;
    }
    if (rows[i].kind == CgroupKind::kV2) {
      const std::string text = Read(group, "cpu.stat");
      if (text.empty()) return false;
      ns = Field(text, "usage_usec") * 1000;
      return true;
    }
  }
  return false;
}

void ReadCounters(LivePlan& plan, Job::Detail detail, Report& report, Evidence& evidence) {
  const auto* rows = plan.Rows<abi::CgroupRow>(plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    const int group = plan.Int(rows[i].fd);
    switch (rows[i].kind) {
      case CgroupKind::kV1Memory: ReadMemoryV1(group, detail, report, evidence); break;
      case CgroupKind::kV1Pids: evidence.pids_hits = Field(Read(group, "pids.events"), "max"); break;
      case CgroupKind::kV2: ReadV2(group, report, evidence); break;
      case CgroupKind::kV1Cpu:
      case CgroupKind::kV1Cpuacct:
      case CgroupKind::kV1Cpuset:
      case CgroupKind::kV1Freezer: break;
    }
  }
}

Status NameGroups(LivePlan& plan) {
  if (plan.header().cgroup_count == 0) return {};
  std::uint64_t random = 0;
  const long drawn = uapi::Syscall(__NR_getrandom, &random, sizeof(random), 0);
  if (drawn != static_cast<long>(sizeof(random))) return SystemError("getrandom", drawn < 0 ? static_cast<int>(-drawn) : EIO);
  // The number is for people; that nobody has the name already is up to the random part.
  std::string name = "moat-" + base::Number(static_cast<std::uint64_t>(uapi::Syscall(__NR_gettid))) + "-";
  for (int i = 0; i < 12; ++i, random >>= 4) name += "0123456789abcdef"[random & 15];
  abi::Slots& slots = plan.slots();
  std::memset(slots.group_name, 0, sizeof(slots.group_name));
  std::memcpy(slots.group_name, name.data(), std::min(name.size(), sizeof(slots.group_name) - 1));
  return {};
}

void RemoveGroups(LivePlan& plan) {
  const auto* rows = plan.Rows<abi::CgroupRow>(plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    const int parent = plan.Int(rows[i].parent_fd);
    if (parent < 0 || plan.Int(rows[i].made) != 0) continue;
    plan.SetInt(rows[i].made, -1);
    for (int attempt = 0; attempt < 200; ++attempt) {
      if (unlinkat(parent, plan.slots().group_name, AT_REMOVEDIR) == 0 || errno != EBUSY) break;
      // There is nothing to wait for by event on v1: an exiting task leaves the group late.
      const struct timespec pause{0, 500000};
      nanosleep(&pause, nullptr);
    }
  }
}

}  // namespace moat::run
