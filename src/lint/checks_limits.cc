// Limits: missing, too wide to help, or at odds with each other.
#include "base/units.h"
#include "lint/rule.h"
#include "policy/scalars.h"

namespace moat::lint {

using policy::kUnlimited;
using policy::Nanoseconds;

namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr Nanoseconds kForever = Nanoseconds::max();

template <typename T>
void AtMost(const policy::Setting<T>& setting, T unlimited, T most, const std::string& text, Findings& findings) {
  if (setting.value != unlimited && setting.value > most) findings.Add(text, setting.origin);
}

void Off(const policy::Setting<std::uint64_t>& setting, std::string_view key, Findings& findings) {
  if (setting.value == kUnlimited) findings.Add("`" + std::string(key) + "` is unlimited", setting.origin);
}

std::string Sized(std::string_view key, std::uint64_t bytes) {
  return "`" + std::string(key) + "` is " + base::FormatSize(bytes);
}

std::string Counted(std::string_view key, std::uint64_t count) { return "`" + std::string(key) + "` is " + std::to_string(count); }

std::string Timed(std::string_view key, Nanoseconds time) {
  return "`" + std::string(key) + "` is " + base::FormatDuration(time.count());
}

}  // namespace

void CheckLimitWallOff(const Subject& subject, Findings& findings) {
  const auto& wall = subject.model.limits.wall;
  if (wall.value == kForever) findings.Add("`wall` is unlimited", wall.origin);
}
void CheckLimitWallLong(const Subject& subject, Findings& findings) {
  const auto& wall = subject.model.limits.wall;
  AtMost<Nanoseconds>(wall, kForever, std::chrono::hours(1), Timed("wall", wall.value), findings);
}
void CheckLimitMemoryOff(const Subject& subject, Findings& findings) { Off(subject.model.limits.memory, "memory", findings); }
void CheckLimitMemoryLarge(const Subject& subject, Findings& findings) {
  const auto& memory = subject.model.limits.memory;
  AtMost(memory, kUnlimited, 16 * kGiB, Sized("memory", memory.value), findings);
}
void CheckLimitPidsOff(const Subject& subject, Findings& findings) { Off(subject.model.limits.pids, "pids", findings); }
void CheckLimitPidsLarge(const Subject& subject, Findings& findings) {
  const auto& pids = subject.model.limits.pids;
  AtMost<std::uint64_t>(pids, kUnlimited, 4096, Counted("pids", pids.value), findings);
}
void CheckLimitPidsByUserOnly(const Subject& subject, Findings& findings) {
  if (subject.model.limits.pids.origin.empty()) findings.Add("`pids` is moat's default, not written down");
}
void CheckLimitStdoutOff(const Subject& subject, Findings& findings) { Off(subject.model.limits.out_stream, "stdout", findings); }
void CheckLimitStderrOff(const Subject& subject, Findings& findings) { Off(subject.model.limits.err_stream, "stderr", findings); }
void CheckLimitInputOff(const Subject& subject, Findings& findings) { Off(subject.model.limits.input, "input", findings); }
void CheckLimitOutputLarge(const Subject& subject, Findings& findings) {
  const auto& output = subject.model.limits.output;
  if (output.value > 8 * kGiB) findings.Add(Sized("output", output.value), output.origin);
}
void CheckLimitOutputBeyondMemory(const Subject& subject, Findings& findings) {
  const policy::Limits& limits = subject.model.limits;
  if (limits.output.value <= limits.memory.value) return;
  findings.Add(Sized("output", limits.output.value) + ", but " + Sized("memory", limits.memory.value),
               limits.output.origin.empty() ? limits.memory.origin : limits.output.origin);
}
void CheckLimitOutputFilesLarge(const Subject& subject, Findings& findings) {
  const auto& files = subject.model.limits.output_files;
  if (files.value > 100'000) findings.Add(Counted("output_files", files.value), files.origin);
}
void CheckLimitFileSizeBelowOutput(const Subject& subject, Findings& findings) {
  const policy::Limits& limits = subject.model.limits;
  if (limits.file_size.value >= limits.output.value) return;
  findings.Add(Sized("file_size", limits.file_size.value) + ", less than " + Sized("output", limits.output.value),
               limits.file_size.origin);
}
void CheckLimitCpuOff(const Subject& subject, Findings& findings) {
  const policy::Limits& limits = subject.model.limits;
  if (limits.cpu.value == kForever && limits.cpus.value == 0) findings.Add("neither `cpu` nor `cpus` is limited", limits.cpu.origin);
}
void CheckLimitCpuBeyondWall(const Subject& subject, Findings& findings) {
  const policy::Limits& limits = subject.model.limits;
  if (limits.cpu.value == kForever || limits.wall.value == kForever || limits.cpus.value == 0) return;
  const double reachable = static_cast<double>(limits.wall.value.count()) * limits.cpus.value;
  if (static_cast<double>(limits.cpu.value.count()) > reachable) {
    findings.Add(Timed("cpu", limits.cpu.value) + ", out of reach within " + Timed("wall", limits.wall.value), limits.cpu.origin);
  }
}
void CheckLimitFilesLarge(const Subject& subject, Findings& findings) {
  const auto& files = subject.model.limits.files;
  if (files.value > 65536) findings.Add(Counted("files", files.value), files.origin);
}
void CheckLimitLockedLarge(const Subject& subject, Findings& findings) {
  const auto& locked = subject.model.limits.locked;
  Off(locked, "locked", findings);
  AtMost<std::uint64_t>(locked, kUnlimited, 16 << 20, Sized("locked", locked.value), findings);
}
void CheckLimitAddressSpace(const Subject& subject, Findings& findings) {
  const auto& space = subject.model.limits.address_space;
  if (space.value != kUnlimited) findings.Add(Sized("address_space", space.value), space.origin);
}
void CheckLimitStackLarge(const Subject& subject, Findings& findings) {
  const auto& stack = subject.model.limits.stack;
  if (stack.value > 256ULL << 20) findings.Add("`stack` is over 256M", stack.origin);
}
void CheckLimitGraceLong(const Subject& subject, Findings& findings) {
  const auto& grace = subject.model.limits.grace;
  if (grace.value > std::chrono::seconds(60)) findings.Add(Timed("grace", grace.value), grace.origin);
}
void CheckLimitOomSparesJob(const Subject& subject, Findings& findings) {
  const auto& score = subject.model.limits.oom_score;
  if (score.value < 100) findings.Add(Counted("oom_score", static_cast<std::uint64_t>(score.value)), score.origin);
}

}  // namespace moat::lint
