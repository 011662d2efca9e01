#include "pool/worker_verdict.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/safe_text.h"
#include "base/text.h"
#include "run/report_words.h"
#include "run/told.h"

namespace moat::pool {
namespace {

std::uint64_t Ns(const struct timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_usec) * 1'000;
}

void Set(Report& report, Cause cause, std::string detail) {
  report.cause = cause;
  report.detail = std::move(detail);
}

void Hit(Report& report, Cause cause, const char* limit, std::string detail) {
  report.limits_hit.emplace_back(limit);
  Set(report, cause, std::move(detail));
}

void TakeUsage(Report& report, const WorkerEnd& end) {
  report.cpu_user = Ns(end.usage.ru_utime);
  report.cpu_system = Ns(end.usage.ru_stime);
  report.memory_peak = static_cast<std::uint64_t>(end.usage.ru_maxrss) << 10;
  report.voluntary_switches = static_cast<std::uint64_t>(end.usage.ru_nvcsw);
  report.involuntary_switches = static_cast<std::uint64_t>(end.usage.ru_nivcsw);
}

// No job can send itself this signal: only the filter does. What was called is the job's own word.
void JudgeDenial(Report& report, const WorkerEnd& end) {
  report.denial_count = 1;
  auto told = run::ToldBySeal(end.record);
  if (!told) return Set(report, Cause::kDenied, "a system call was denied with death by the seal");
  told->rule = "the worker's seal; the call is named by the job itself";
  Set(report, Cause::kDenied, "the seal denied, with death: " + told->call);
  report.denials.push_back(std::move(*told));
}

bool ReachedCpu(const Report& report, int signal, const WorkerLimits& limits) {
  if (signal == SIGXCPU) return true;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return signal == SIGKILL && limits.cpu_seconds < kNoWorkerLimit / kSecond &&
         report.cpu_user + report.cpu_system >= limits.cpu_seconds * kSecond;
}

void JudgeSignal(Report& report, const WorkerEnd& end, const WorkerLimits& limits) {
  const int signal = *report.signal;
  if (signal == SIGSYS) return JudgeDenial(report, end);
  if (ReachedCpu(report, signal, limits)) {
    return Hit(report, Cause::kCpu, "cpu", "cpu time limit of " + base::Number(limits.cpu_seconds) + " s reached");
  }
  if (signal == SIGXFSZ) {
    return Hit(report, Cause::kOutput, "file_size", "an output was to grow past " + run::SizeInWords(limits.file_size));
  }
  if (signal == SIGKILL) {
    // The job cannot have sent it, and we have not.
    return Set(report, Cause::kWorkerLost, "the worker was killed from outside: by somebody, or by the kernel when memory ran out");
  }
  Set(report, Cause::kSignal, "ended by " + run::SignalInWords(signal));
  if (signal == SIGABRT && end.uncaught) {
    report.detail += ": uncaught exception, as it says: " + base::Printable(*end.uncaught);
  }
  if (signal == SIGSEGV) report.hints.emplace_back("a crash, or a stack overflow");
}

void JudgeExit(Report& report, const WorkerEnd& end, const WorkerLimits& limits) {
  if (end.out_of_memory) {
    std::string detail = "memory ran out, as the job says (std::bad_alloc)";
    if (limits.memory != kNoWorkerLimit) detail += "; the limit is " + run::SizeInWords(limits.memory);
    return Hit(report, Cause::kMemory, "memory", std::move(detail));
  }
  Set(report, Cause::kExit, "exited " + base::SignedNumber(*report.exit_code));
}

void JudgeStop(Report& report, const WorkerFacts& facts) {
  if (facts.stop == WorkerStop::kCancelled) return Set(report, Cause::kCancelled, "cancelled by the caller");
  Hit(report, Cause::kWall, "wall", "wall clock limit of " + run::DurationInWords(facts.wall_limit_ns) + " reached");
}

}  // namespace

WorkerLimits Lower(const WorkerLimits& limits, const ZygoteHello& hello) {
  return {std::min(limits.memory, hello.memory), std::min(limits.cpu_seconds, hello.cpu_seconds),
          std::min(limits.file_size, hello.file_size)};
}

Report JudgeWorker(const WorkerEnd& end, const WorkerFacts& facts) {
  Report report;
  report.version = MOAT_VERSION;
  report.wall = facts.wall_ns;
  if (!end.reaped) {
    Set(report, Cause::kWorkerLost, end.why_not.empty() ? "the worker vanished with its zygote" : end.why_not);
    return report;
  }
  TakeUsage(report, end);
  if (WIFSIGNALED(end.status)) {
    report.signal = WTERMSIG(end.status);
  } else {
    report.exit_code = WEXITSTATUS(end.status);
  }
  // We kill by SIGKILL: a job that had ended by itself just before keeps its own end.
  if (facts.stop != WorkerStop::kNo && report.signal == SIGKILL) {
    JudgeStop(report, facts);
  } else if (end.refused) {
    Set(report, Cause::kSetup, "the worker could not take the job: " + base::Printable(*end.refused));
    report.setup = SetupFailure{"worker", "", 0, "", {}, report.detail};
  } else if (report.signal) {
    JudgeSignal(report, end, facts.limits);
  } else {
    JudgeExit(report, end, facts.limits);
  }
  return report;
}

void ListWorkerLayers(Report& report, const ZygoteHello& hello, const WorkerLimits& limits) {
  report.enforced.push_back({"seal", base::Number(hello.instructions) + " instructions, inherited"});
  report.enforced.push_back({"capabilities", "none"});
  if (hello.apart != 0) {
    report.enforced.push_back({"namespaces", "user, mount (empty), network, ipc, uts, cgroup: of the zygote's own"});
  }
  if (limits.memory != kNoWorkerLimit) report.enforced.push_back({"memory", "per process, RLIMIT_DATA"});
  if (limits.cpu_seconds != kNoWorkerLimit) report.enforced.push_back({"cpu", "RLIMIT_CPU"});
  if (limits.file_size != kNoWorkerLimit) report.enforced.push_back({"file_size", "RLIMIT_FSIZE"});
}

}  // namespace moat::pool
