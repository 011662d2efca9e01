#include "run/verdict.h"

#include <sys/wait.h>

#include <csignal>

#include "base/text.h"
#include "base/units.h"

namespace moat::run {
namespace {

std::string SignalName(int number) {
  constexpr const char* kNames[] = {"0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
                                    "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",
                                    "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU",
                                    "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR",
                                    "SIGSYS"};
  if (number > 0 && number < 32) return kNames[number];
  return "signal " + base::Number(static_cast<std::uint64_t>(number));
}

std::string Size(std::uint64_t bytes) { return base::FormatSize(bytes); }
std::string Duration(std::uint64_t ns) { return base::FormatDuration(static_cast<std::int64_t>(ns)); }

void RawResult(Report& report, const Evidence& evidence) {
  const int status = evidence.program_done ? evidence.program_status : evidence.init_status;
  if (WIFEXITED(status) && evidence.program_done) {
    report.exit_code = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    report.signal = WTERMSIG(status);
    report.core = WCOREDUMP(status);
  }
}

void Set(Report& report, Cause cause, std::string detail) {
  report.cause = cause;
  report.detail = std::move(detail);
}

// The launcher's own decisions and the kernel's counters come first: they are certain.
bool JudgeLimits(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (evidence.oom_kills > 0) {
    report.limits_hit.push_back("memory");
    Set(report, Cause::kMemory, "memory limit of " + Size(limits.memory) + " reached: the kernel killed " +
                                    base::Number(evidence.oom_kills) + (evidence.oom_kills == 1 ? " process" : " processes"));
    return true;
  }
  switch (evidence.stop) {
    case Stop::kNo: break;
    case Stop::kWall:
      report.limits_hit.push_back("wall");
      Set(report, Cause::kWall, "wall clock limit of " + Duration(limits.wall_ns) + " reached");
      return true;
    case Stop::kCpu:
      report.limits_hit.push_back("cpu");
      Set(report, Cause::kCpu, "cpu time limit of " + Duration(limits.cpu_ns) + " reached");
      return true;
    case Stop::kOutput: {
      const bool out = report.out.bytes > limits.out_stream;
      report.limits_hit.push_back(out ? "stdout" : "stderr");
      Set(report, Cause::kOutput, std::string(out ? "stdout" : "stderr") + " limit of " +
                                      Size(out ? limits.out_stream : limits.err_stream) + " reached");
      return true;
    }
    case Stop::kCancelled: Set(report, Cause::kCancelled, "cancelled by the caller"); return true;
  }
  if (evidence.output_exceeded) {
    report.limits_hit.push_back("output");
    Set(report, Cause::kOutput, "more results than the limits `output` and `output_files` allow");
    return true;
  }
  return false;
}

void HintAt(Report& report, int signal, const abi::LimitsRow&) {
  if (signal == SIGSEGV) report.hints.push_back("a crash, or a stack overflow: the limit `stack` sets its size");
  if (signal == SIGXFSZ) report.hints.push_back("a file grew past the limit `file_size`");
}

void JudgeProgram(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (report.signal) {
    const int signal = *report.signal;
    if (signal == SIGSYS) {
      report.denial_count = 1;
      Set(report, Cause::kDenied, "a system call was denied with death (SIGSYS)");
      return;
    }
    // A guest can send itself the signal: only the time really used proves it.
    if (signal == SIGXCPU && report.cpu_user + report.cpu_system >= limits.cpu_ns) {
      report.limits_hit.push_back("cpu");
      Set(report, Cause::kCpu, "cpu time limit reached (SIGXCPU)");
      return;
    }
    if (signal == SIGXFSZ) {
      report.limits_hit.push_back("file_size");
      Set(report, Cause::kDisk, "a file reached the limit `file_size` (SIGXFSZ)");
      return;
    }
    HintAt(report, signal, limits);
    Set(report, Cause::kSignal, "ended by " + SignalName(signal));
    return;
  }
  if (report.exit_code && *report.exit_code != 0 && !evidence.full_scratch.empty()) {
    report.limits_hit.push_back("scratch");
    Set(report, Cause::kDisk, "scratch full: " + evidence.full_scratch.front());
    return;
  }
  Set(report, Cause::kExit, "exited " + base::Number(static_cast<std::uint64_t>(report.exit_code.value_or(0))));
}

}  // namespace

void Judge(Report& report, const Evidence& evidence, const LivePlan& plan) {
  const abi::LimitsRow& limits = plan.header().limits;
  RawResult(report, evidence);
  for (const std::string& scratch : evidence.full_scratch) report.hints.push_back("scratch full: " + scratch);
  if (evidence.pids_hits > 0) {
    report.limits_hit.push_back("pids");
    report.hints.push_back("the limit `pids` of " + base::Number(limits.pids) + " was hit " +
                           base::Number(evidence.pids_hits) + " times");
  }
  if (JudgeLimits(report, evidence, limits)) return;
  if (!evidence.program_done) {
    Set(report, Cause::kWorkerLost, "pid 1 of the job vanished before it could tell how the program ended");
    return;
  }
  if (evidence.pids_hits > 0 && report.exit_code.value_or(1) != 0) {
    Set(report, Cause::kPids, "limit of " + base::Number(limits.pids) + " processes and threads hit " +
                                  base::Number(evidence.pids_hits) + " times");
    return;
  }
  JudgeProgram(report, evidence, limits);
}

}  // namespace moat::run
