#include "run/counters.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string_view>

#include "base/text.h"
#include "sys/calls.h"
#include "uapi/kernel.h"

namespace moat::run {
namespace {

using abi::CgroupKind;

constexpr std::size_t kMost = 64 * 1024;

// What a full report of an undisturbed job reads (run/groups.cc).
std::span<const char* const> FilesOf(CgroupKind kind) {
  static constexpr const char* kMemory[] = {"memory.oom_control", "memory.max_usage_in_bytes", "memory.stat"};
  static constexpr const char* kPids[] = {"pids.events", "pids.peak"};
  static constexpr const char* kCpuacct[] = {"cpuacct.usage", "cpuacct.usage_user", "cpuacct.usage_sys"};
  static constexpr const char* kV2[] = {"memory.events", "memory.peak", "memory.stat", "pids.events", "pids.peak", "cpu.stat"};
  switch (kind) {
    case CgroupKind::kV1Memory: return kMemory;
    case CgroupKind::kV1Pids: return kPids;
    case CgroupKind::kV1Cpuacct: return kCpuacct;
    case CgroupKind::kV2: return kV2;
    case CgroupKind::kV1Cpu:
    case CgroupKind::kV1Cpuset:
    case CgroupKind::kV1Freezer: break;
  }
  return {};
}

// From its beginning, wherever an earlier reader has been.
std::string Whole(const sys::Fd& fd) {
  std::string text;
  char part[4096];
  while (text.size() < kMost) {
    const ssize_t got = pread(fd.get(), part, sizeof(part), static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {};
    if (got == 0) break;
    text.append(part, static_cast<std::size_t>(got));
  }
  return text;
}

sys::Fd OpenIn(int group, const char* file) {
  auto fd = sys::openat2(group, file, O_RDONLY, uapi::kResolveBeneath);
  return fd.ok() ? std::move(fd).value() : sys::Fd();
}

sys::Fd OpenTransfers(int pid) {
  auto fd = sys::open("/proc/" + base::Number(static_cast<std::uint64_t>(pid)) + "/io", O_RDONLY);
  return fd.ok() ? std::move(fd).value() : sys::Fd();
}

}  // namespace

void Counters::Open(LivePlan& plan, int pid) {
  if (opened_) return;
  opened_ = true;
  const auto* rows = plan.Rows<abi::CgroupRow>(plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    const int group = plan.Int(rows[i].fd);
    if (group < 0) continue;
    for (const char* name : FilesOf(rows[i].kind)) {
      if (sys::Fd fd = OpenIn(group, name); fd.valid()) files_.push_back({group, name, std::move(fd)});
    }
  }
  transfers_ = OpenTransfers(pid);
}

std::string Counters::Read(int group, const char* file) const {
  if (group < 0) return {};
  const auto opened = std::find_if(files_.begin(), files_.end(), [&](const File& each) {
    return each.group == group && std::string_view(each.name) == file;
  });
  if (opened != files_.end()) return Whole(opened->fd);
  const sys::Fd fd = OpenIn(group, file);
  return fd.valid() ? Whole(fd) : std::string();
}

std::string Counters::ReadTransfers(int pid) const {
  if (transfers_.valid()) return Whole(transfers_);
  const sys::Fd fd = OpenTransfers(pid);
  return fd.valid() ? Whole(fd) : std::string();
}

}  // namespace moat::run
