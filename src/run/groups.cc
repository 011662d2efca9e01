#include "run/groups.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "run/fields.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

using abi::CgroupKind;

// The parts of the peak. Every process is dead by now and its memory is gone; what it read and
// wrote is still charged. So the rest of the peak is what the processes had for themselves.
void Divide(const std::optional<std::uint64_t>& file, const std::optional<std::uint64_t>& shared, Report& report) {
  report.memory_file = file;
  report.memory_shared = shared;
  if (!file || !shared) return;
  const std::uint64_t others = *file + *shared;
  report.memory_anonymous = report.memory_peak > others ? report.memory_peak - others : 0;
}

// Did the group reach its own limit? Not when the host's memory was what came to an end. Where
// swap is counted as well, that counter is asked first, and has no failures on some kernels.
bool ReachedItsLimit(const Counters& counters, int group, std::uint64_t limit) {
  constexpr std::uint64_t kBatch = 512 << 10;  // charges come in batches
  return ToNumber(counters.Read(group, "memory.failcnt")).value_or(1) > 0 ||
         ToNumber(counters.Read(group, "memory.memsw.failcnt")).value_or(0) > 0 ||
         ToNumber(counters.Read(group, "memory.max_usage_in_bytes")).value_or(limit) + kBatch >= limit;
}

// Of the groups around the job's, where the kernel does not say it itself.
std::uint64_t LowestLimitFrom(std::string folder) {
  std::uint64_t lowest = 0;
  while (!folder.empty()) {
    auto text = sys::ReadFile(folder + "/memory.max", 64);
    if (!text.ok()) break;
    const std::uint64_t limit = ToNumber(*text).value_or(0);  // "max"
    if (limit > 0 && (lowest == 0 || limit < lowest)) lowest = limit;
    folder.resize(folder.rfind('/'));
  }
  return lowest;
}

void ReadMemoryV1(const Counters& counters, int group, std::uint64_t limit, Job::Detail detail, Report& report, Evidence& evidence) {
  evidence.memory_by_process = false;
  evidence.oom_kills = Field(counters.Read(group, "memory.oom_control"), "oom_kill").value_or(0);
  if (evidence.oom_kills > 0) evidence.own_memory = ReachedItsLimit(counters, group, limit);
  if (!evidence.own_memory) evidence.outer_memory = Field(counters.Read(group, "memory.stat"), "hierarchical_memory_limit").value_or(0);
  if (detail != Job::Detail::kFull) return;
  if (const auto peak = ToNumber(counters.Read(group, "memory.max_usage_in_bytes"))) report.memory_peak = *peak;
  const std::string stat = counters.Read(group, "memory.stat");
  const auto cache = Field(stat, "total_cache"), shared = Field(stat, "total_shmem");
  // `cache` has what is shared in it.
  Divide(cache && shared ? std::optional(*cache > *shared ? *cache - *shared : 0) : std::nullopt, shared, report);
}

void ReadMemoryV2(const Counters& counters, int group, std::string_view parent, Job::Detail detail, Report& report, Evidence& evidence) {
  const std::string events = counters.Read(group, "memory.events");
  evidence.memory_by_process = events.empty();
  evidence.oom_kills = Field(events, "oom_kill").value_or(0);
  evidence.own_memory = Field(events, "oom").value_or(1) > 0;
  if (evidence.oom_kills > 0 && !evidence.own_memory) evidence.outer_memory = LowestLimitFrom(std::string(parent));
  if (detail != Job::Detail::kFull) return;
  if (const auto peak = ToNumber(counters.Read(group, "memory.peak"))) report.memory_peak = *peak;
  const std::string stat = counters.Read(group, "memory.stat");
  const auto file = Field(stat, "file"), shared = Field(stat, "shmem");
  Divide(file && shared ? std::optional(*file > *shared ? *file - *shared : 0) : std::nullopt, shared, report);
}

// pid 1 of the job is ours and not counted as the job's. A refusal by a group around is counted here as well
// (by kernels before 6.11 and on v1): without having had as many as it may, the job did not meet its own limit.
void ReadPids(const Counters& counters, int group, std::uint64_t limit, Job::Detail detail, Report& report, Evidence& evidence) {
  evidence.pids_hits = Field(counters.Read(group, "pids.events"), "max").value_or(0);
  if (evidence.pids_hits == 0 && detail != Job::Detail::kFull) return;
  const auto peak = ToNumber(counters.Read(group, "pids.peak"));
  if (!peak) return;
  report.pids_peak = *peak > 0 ? *peak - 1 : 0;
  evidence.own_pids = *report.pids_peak >= limit;
}

// The group saw every process, also one whose parent never asked for it. False: it does not count.
bool TakeCpu(const std::optional<std::uint64_t>& user, const std::optional<std::uint64_t>& system, Report& report) {
  if (!user || !system) return false;
  report.cpu_user = *user;
  report.cpu_system = *system;
  return true;
}

// The sum is exact. Its parts are counted by the tick of a clock, and divide it as in cgroup v2.
bool ReadCpuV1(const Counters& counters, int group, Report& report) {
  const auto sum = ToNumber(counters.Read(group, "cpuacct.usage"));
  const auto user = ToNumber(counters.Read(group, "cpuacct.usage_user")), system = ToNumber(counters.Read(group, "cpuacct.usage_sys"));
  if (!sum || !user || !system) return false;
  const double ticks = static_cast<double>(*user) + static_cast<double>(*system);
  const double share = ticks > 0 ? static_cast<double>(*system) / ticks : 0;
  const auto part = std::min(*sum, static_cast<std::uint64_t>(static_cast<double>(*sum) * share));
  return TakeCpu(*sum - part, part, report);
}

bool ReadCpuV2(const Counters& counters, int group, Report& report) {
  const std::string stat = counters.Read(group, "cpu.stat");
  const auto user = Field(stat, "user_usec"), system = Field(stat, "system_usec");
  return user && system && TakeCpu(*user * 1000, *system * 1000, report);
}

constexpr const char* kKilled = "at least: the job's pid 1 was killed before it had added up all processes";
bool Pid1Killed(const Evidence& evidence) { return WIFSIGNALED(evidence.init_status); }

std::uint64_t CpuOf(const Report& report) { return report.cpu_user + report.cpu_system; }

// What a process did whose parent ignores SIGCHLD is in no sum but a group's, and there is a group for
// processor time alone. It tells whether there was such a process that did anything to speak of.
void ExplainUnreaped(Report& report, std::uint64_t reaped_cpu) {
  constexpr std::uint64_t kBlur = 10'000'000;  // pid 1 itself, who ends later than its sums
  constexpr const char* kUnreaped = "at least: there were processes whose parent ignored SIGCHLD, and nobody has their sums";
  if (CpuOf(report) <= reaped_cpu + std::max(kBlur, reaped_cpu / 16)) return;
  if (report.read) report.unknown.push_back({"read", kUnreaped});
  if (report.written) report.unknown.push_back({"written", kUnreaped});
  report.unknown.push_back({"context_switches", kUnreaped});
}

void ExplainCpu(Report& report, const Evidence& evidence, bool counted, std::uint64_t reaped_cpu) {
  if (Pid1Killed(evidence)) {
    report.unknown.push_back({"context_switches", kKilled});
    if (!counted) report.unknown.push_back({"cpu", kKilled});
  } else if (counted) {
    ExplainUnreaped(report, reaped_cpu);
  } else {
    report.unknown.push_back({"cpu", "at least: the job had no control group that counts processor time, and a process "
                                     "whose parent ignores SIGCHLD is counted nowhere else"});
  }
}

// A figure that is missing has its reason.
void Explain(Report& report) {
  constexpr const char* kNoGroup = "the job had no control group that counts memory";
  if (!report.memory_anonymous) report.unknown.push_back({"memory_peak.anonymous", kNoGroup});
  if (!report.memory_file) report.unknown.push_back({"memory_peak.file", kNoGroup});
  if (!report.memory_shared) report.unknown.push_back({"memory_peak.shared", kNoGroup});
  if (!report.pids_peak) {
    report.unknown.push_back({"pids_peak", "the job had no control group that counts processes, or the kernel keeps no peak of them"});
  }
}

}  // namespace

bool ReadCpu(LivePlan& plan, const Counters& counters, std::uint64_t& ns) {
  const auto* rows = plan.Rows<abi::CgroupRow>(plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    const int group = plan.Int(rows[i].fd);
    if (rows[i].kind == CgroupKind::kV1Cpuacct) {
      const std::string text = counters.Read(group, "cpuacct.usage");
      if (text.empty()) return false;
      ns = ToNumber(text).value_or(0);
      return true;
    }
    if (rows[i].kind == CgroupKind::kV2) {
      const std::string text = counters.Read(group, "cpu.stat");
      if (text.empty()) return false;
      ns = Field(text, "usage_usec").value_or(0) * 1000;
      return true;
    }
  }
  return false;
}

void ReadCounters(LivePlan& plan, const Counters& counters, Job::Detail detail, Report& report, Evidence& evidence) {
  const abi::LimitsRow& limits = plan.header().limits;
  const bool wants_cpu = detail == Job::Detail::kFull || limits.cpu_ns != abi::kNone;
  const std::uint64_t reaped_cpu = CpuOf(report);
  std::uint64_t entered = 0;
  abi::Offset last = 0;  // of the groups that were entered: one may have several rows, behind each other
  bool cpu_counted = false;
  const auto* rows = plan.Rows<abi::CgroupRow>(plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    const int group = plan.Int(rows[i].fd);
    if (rows[i].kind != CgroupKind::kV2 && rows[i].fd != last) ++entered;
    last = rows[i].fd;
    switch (rows[i].kind) {
      case CgroupKind::kV1Memory: ReadMemoryV1(counters, group, limits.memory, detail, report, evidence); break;
      case CgroupKind::kV1Pids: ReadPids(counters, group, limits.pids, detail, report, evidence); break;
      case CgroupKind::kV1Cpuacct: cpu_counted = wants_cpu && ReadCpuV1(counters, group, report); break;
      case CgroupKind::kV2:
        // One group for whatever the plan wanted; files of other controllers are not there.
        ReadMemoryV2(counters, group, plan.Text(rows[i].parent), detail, report, evidence);
        ReadPids(counters, group, limits.pids, detail, report, evidence);
        cpu_counted = cpu_counted || (wants_cpu && ReadCpuV2(counters, group, report));
        break;
      case CgroupKind::kV1Cpu:
      case CgroupKind::kV1Cpuset:
      case CgroupKind::kV1Freezer: break;
    }
  }
  // Each group of v1 was entered by a byte that pid 1 wrote.
  if (report.written && *report.written >= entered) *report.written -= entered;
  if (detail != Job::Detail::kFull) return;
  Explain(report);
  ExplainCpu(report, evidence, cpu_counted, reaped_cpu);
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
