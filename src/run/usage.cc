#include "run/usage.h"

#include <fcntl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "run/fields.h"
#include "sys/calls.h"

namespace moat::run {
namespace {

std::uint64_t Ns(const struct timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000000ULL + static_cast<std::uint64_t>(time.tv_usec) * 1000ULL;
}

struct timeval Sum(const struct timeval& a, const struct timeval& b) {
  constexpr long kMicroseconds = 1000000;
  const long parts = a.tv_usec + b.tv_usec;
  return {a.tv_sec + b.tv_sec + parts / kMicroseconds, parts % kMicroseconds};
}

}  // namespace

struct rusage Sum(const std::uint64_t* own, const std::uint64_t* children) {
  struct rusage a {}, b {};
  std::memcpy(&a, own, abi::kUsageWords * sizeof(*own));
  std::memcpy(&b, children, abi::kUsageWords * sizeof(*children));
  a.ru_utime = Sum(a.ru_utime, b.ru_utime);
  a.ru_stime = Sum(a.ru_stime, b.ru_stime);
  a.ru_maxrss = std::max(a.ru_maxrss, b.ru_maxrss);
  a.ru_nvcsw += b.ru_nvcsw;
  a.ru_nivcsw += b.ru_nivcsw;
  return a;
}

void TakeTimes(const struct rusage& usage, Report& report) {
  report.cpu_user = Ns(usage.ru_utime);
  report.cpu_system = Ns(usage.ru_stime);
  report.memory_peak = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  report.voluntary_switches = static_cast<std::uint64_t>(usage.ru_nvcsw);
  report.involuntary_switches = static_cast<std::uint64_t>(usage.ru_nivcsw);
}

void LookAtTransfers(const Counters& counters, int pid, abi::Shared& shared) {
  const std::string text = counters.ReadTransfers(pid);
  if (text.empty()) return;
  std::memset(shared.accounts, 0, sizeof(shared.accounts));
  std::memcpy(shared.accounts, text.data(), std::min(text.size(), sizeof(shared.accounts) - 1));
}

void TakeTransfers(const abi::Shared& shared, int init_status, Report& report) {
  const std::string_view text(shared.accounts, strnlen(shared.accounts, sizeof(shared.accounts)));
  const bool killed = WIFSIGNALED(init_status);
  if (!killed) {
    report.read = Field(text, "rchar:");
    report.written = Field(text, "wchar:");
  }
  if (report.read && report.written) return;
  const char* why = killed         ? "the job's pid 1 was killed before it had added up all processes"
                    : text.empty() ? "the host's /proc does not tell (/proc/PID/io)"
                                   : "the kernel does not count it (CONFIG_TASK_XACCT)";
  report.unknown.push_back({"read", why});
  report.unknown.push_back({"written", why});
}

}  // namespace moat::run
