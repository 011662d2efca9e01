#include "run/verdict.h"

#include <linux/audit.h>
#include <sys/wait.h>

#include <csignal>

#include "base/text.h"
#include "base/units.h"
#include "run/report_words.h"

namespace moat::run {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
#endif

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

void Hit(Report& report, std::string limit) { report.limits_hit.push_back(std::move(limit)); }

std::string Times(std::uint64_t count) { return base::Number(count) + (count == 1 ? " time" : " times"); }

void JudgeMemory(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  const std::string killed = "the kernel killed " + base::Number(evidence.oom_kills) + (evidence.oom_kills == 1 ? " process" : " processes");
  if (evidence.own_memory) {
    Hit(report, "memory");
    Set(report, Cause::kMemory, "memory limit of " + Size(limits.memory) + " reached: " + killed);
  } else {
    const bool outer = evidence.outer_memory > 0 && evidence.outer_memory < limits.memory;
    const std::string who = outer ? "a control group around moat, limited to " + Size(evidence.outer_memory) + ", or the host,"
                                  : "the host, or a control group around moat,";
    Set(report, Cause::kMemory, who + " ran out of memory before the limit of " + Size(limits.memory) + " was reached: " + killed);
  }
}

void JudgeStream(Report& report, const abi::LimitsRow& limits) {
  const bool out = report.out.bytes > limits.out_stream;
  Hit(report, out ? "stdout" : "stderr");
  Set(report, Cause::kOutput, std::string(out ? "stdout" : "stderr") + " limit of " +
                                  Size(out ? limits.out_stream : limits.err_stream) + " reached");
}

// Names are the plan's: of the native calls that its filter may kill for.
std::string CallInWords(const abi::DenialRow& row, const LivePlan& plan) {
  const std::string number = base::Number(row.number);
  if (row.arch != kNativeArch) return "call " + number + " of another ABI (arch " + base::Hex(row.arch) + ")";
  const std::string_view name = row.number <= 0xffff ? plan.CallName(static_cast<std::uint16_t>(row.number)) : "";
  return name.empty() ? "call " + number : std::string(name);
}

void TakeDenials(Report& report, const abi::Shared& shared, const LivePlan& plan) {
  report.denial_count = shared.denials;
  for (std::uint32_t i = 0; i < shared.denial_rows && i < abi::kDenialRows; ++i) {
    const abi::DenialRow& row = shared.denied[i];
    Denial denial;
    denial.call = CallInWords(row, plan);
    for (const std::uint64_t argument : row.args) {
      denial.arguments += (denial.arguments.empty() ? "" : ", ") + base::Hex(argument);
    }
    denial.count = row.count;
    denial.action = "kill";
    report.denials.push_back(std::move(denial));
  }
}

bool JudgeDenied(Report& report) {
  if (report.denial_count == 0) return false;
  std::string calls;
  for (const Denial& denial : report.denials) calls += (calls.empty() ? "" : ", ") + denial.call;
  Set(report, Cause::kDenied, "the filter denied, with death: " + calls);
  return true;
}

std::uint64_t CpuOf(const Report& report) { return report.cpu_user + report.cpu_system; }

// Whoever watches a limit looks late: a job may end just before it is ended, or beyond its limit before
// anybody sees that. What was measured decides, so that no report contradicts itself.
Stop WhyStopped(const Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  const bool in_time = report.wall < limits.wall_ns;
  if (evidence.stop == Stop::kWall && evidence.program_done && in_time) return Stop::kNo;
  if (evidence.stop != Stop::kNo) return evidence.stop;
  if (evidence.program_done && !in_time) return Stop::kWall;
  return CpuOf(report) >= limits.cpu_ns ? Stop::kCpu : Stop::kNo;
}

// What the launcher itself did is certain.
bool JudgeStop(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  switch (WhyStopped(report, evidence, limits)) {
    case Stop::kNo: return false;
    case Stop::kWall:
      Hit(report, "wall");
      Set(report, Cause::kWall, "wall clock limit of " + Duration(limits.wall_ns) + " reached");
      return true;
    case Stop::kCpu:
      Hit(report, "cpu");
      Set(report, Cause::kCpu, "cpu time limit of " + Duration(limits.cpu_ns) + " reached");
      return true;
    case Stop::kOutput: JudgeStream(report, limits); return true;
    case Stop::kCancelled: Set(report, Cause::kCancelled, "cancelled by the caller"); return true;
  }
  return false;
}

// Failing, or ended by the signals of a mapping that got no page and of a program that gave up.
bool EndsAsOnFullDisk(const Report& report) {
  if (report.signal) return *report.signal == SIGBUS || *report.signal == SIGABRT || *report.signal == SIGXFSZ;
  return report.exit_code.value_or(0) != 0;
}

bool JudgeOutput(Report& report, const Evidence& evidence) {
  if (!evidence.full.refused.empty() && evidence.full.refused_output && EndsAsOnFullDisk(report)) {
    Hit(report, "output");
    Set(report, Cause::kOutput, "no room in the output folder for " + evidence.full.refused);
    return true;
  }
  if (!evidence.output_exceeded && evidence.full.output.empty()) return false;
  Hit(report, "output");
  Set(report, Cause::kOutput, !evidence.full.output.empty()
                                  ? "the output folder is full: " + evidence.full.output
                                  : "more results than the limits `output` and `output_files` allow");
  return true;
}

// The kernel's counters and the launcher's own decisions come first: they are certain.
bool JudgeLimits(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (evidence.oom_kills > 0) {
    JudgeMemory(report, evidence, limits);
    return true;
  }
  return JudgeStop(report, evidence, limits) || JudgeDenied(report) || JudgeOutput(report, evidence);
}

void HintAt(Report& report, int signal, const abi::LimitsRow& limits) {
  if (signal == SIGSEGV) {
    const std::string stack = limits.stack == abi::kNone ? "without a limit" : SizeInWords(limits.stack);
    report.hints.push_back("a crash, or a stack overflow: the stack is " + stack + " (`stack`)");
  }
  if (signal == SIGXFSZ && limits.file_size != abi::kNone) {
    report.hints.push_back("perhaps a file was to grow past the limit `file_size` of " + Size(limits.file_size));
  }
  // RLIMIT_CPU, where no group counts: its clock ticks, and is not the one of the figures.
  if ((signal == SIGKILL || signal == SIGXCPU) && limits.cpu_ns != abi::kNone && CpuOf(report) >= limits.cpu_ns - limits.cpu_ns / 8) {
    report.hints.push_back("perhaps a process reached the limit `cpu` of " + Duration(limits.cpu_ns));
  }
  if (signal == SIGSYS) report.hints.push_back("sent by a process of the job, or by a filter of its own: not by that of the policy");
}

// A guest can send itself any signal: only what the kernel counted, or left behind, proves more.
bool JudgeSignal(Report& report, int signal, const Evidence& evidence) {
  if (signal == SIGSYS && evidence.filter_kills) {
    report.denial_count = 1;
    Set(report, Cause::kDenied, "SIGSYS: a system call was denied with death, or the program sent itself the signal; "
                                "this host does not let moat tell");
    return true;
  }
  return false;
}

bool JudgeDisk(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (!EndsAsOnFullDisk(report)) return false;
  if (evidence.file_at_limit) {
    Hit(report, "file_size");
    Set(report, Cause::kDisk, "a file reached the limit `file_size` of " + Size(limits.file_size) + " (SIGXFSZ, EFBIG)");
    return true;
  }
  if (report.signal == SIGXFSZ) return false;
  if (!evidence.full.refused.empty()) {
    Hit(report, "scratch");
    Set(report, Cause::kDisk, "scratch full: no room for " + evidence.full.refused);
    return true;
  }
  if (evidence.full.scratch.empty()) return false;
  Hit(report, "scratch");
  Set(report, Cause::kDisk, "scratch full: " + evidence.full.scratch.front());
  return true;
}

// A seal of the program's own kills by SIGSYS, which anybody can send himself: the record beside it is
// passed on, and neither counted nor believed.
void TakeTold(Report& report, const Evidence& evidence) {
  if (report.signal != SIGSYS || !evidence.told.has_value()) return;
  report.hints.push_back("its own seal denied " + evidence.told->call + ", as the program told");
  report.denials.push_back(*evidence.told);
}

void JudgeProgram(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (report.signal && JudgeSignal(report, *report.signal, evidence)) return;
  if (JudgeDisk(report, evidence, limits)) return;
  if (report.signal) {
    HintAt(report, *report.signal, limits);
    TakeTold(report, evidence);
    Set(report, Cause::kSignal, "ended by " + SignalInWords(*report.signal));
    return;
  }
  Set(report, Cause::kExit, "exited " + base::Number(static_cast<std::uint64_t>(report.exit_code.value_or(0))));
}

std::string HowPids(const Evidence& evidence, const abi::LimitsRow& limits) {
  const std::string limit = "limit of " + base::Number(limits.pids) + " processes and threads ";
  if (evidence.own_pids) return limit + "hit " + Times(evidence.pids_hits);
  const std::string who = "a control group around moat refused another process or thread " + Times(evidence.pids_hits);
  return limits.pids == abi::kNone ? who : who + ", before the " + limit + "was reached";
}

// Without a group the limit is each process's own, and what exceeds it fails like any other call.
void HintAtMemory(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (!evidence.memory_by_process || limits.memory == abi::kNone || report.memory_peak < limits.memory - limits.memory / 16) return;
  if (report.cause != Cause::kExit && report.cause != Cause::kSignal) return;
  if (report.exit_code.value_or(1) == 0) return;
  report.hints.push_back("a process had about the limit `memory` of " + Size(limits.memory) +
                         ", which holds for each process here: what it asks for beyond that is refused");
}

// That there was no room for another at the end proves nothing: whoever needs no more has not been refused one.
void HintAtPids(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  if (evidence.pids_hits > 0) {
    if (evidence.own_pids) Hit(report, "pids");
    if (report.cause != Cause::kPids) report.hints.push_back(HowPids(evidence, limits));
  } else if (evidence.no_more_processes) {
    report.hints.push_back("at the end there were as many processes and threads as the limit `pids` of " + base::Number(limits.pids) +
                           " (or a control group around moat) allows: perhaps another one was refused, which nobody counts here");
  }
}

// It is asked for by people who mean memory.
void HintAtAddressSpace(Report& report, const abi::LimitsRow& limits) {
  if (limits.address_space == abi::kNone) return;
  report.hints.push_back("the limit `address_space` of " + Size(limits.address_space) +
                         " counts what a process reserves, not the memory that it uses: for that there is `memory`");
}

// What was reached, but is not the cause.
void NoteTheRest(Report& report, const Evidence& evidence, const abi::LimitsRow& limits) {
  HintAtMemory(report, evidence, limits);
  HintAtAddressSpace(report, limits);
  if (report.cause != Cause::kDisk) {
    for (const std::string& scratch : evidence.full.scratch) report.hints.push_back("scratch full: " + scratch);
  }
  HintAtPids(report, evidence, limits);
}

}  // namespace

void Judge(Report& report, const Evidence& evidence, const abi::Shared& shared, const LivePlan& plan) {
  const abi::LimitsRow& limits = plan.header().limits;
  RawResult(report, evidence);
  TakeDenials(report, shared, plan);
  if (JudgeLimits(report, evidence, limits)) {
    // certain, whatever the program made of it
  } else if (!evidence.program_done) {
    Set(report, Cause::kWorkerLost, "pid 1 of the job vanished before it could tell how the program ended");
  } else if (evidence.pids_hits > 0 && report.exit_code.value_or(1) != 0) {
    Set(report, Cause::kPids, HowPids(evidence, limits));
  } else {
    JudgeProgram(report, evidence, limits);
  }
  NoteTheRest(report, evidence, limits);
  if (!evidence.left.empty()) report.detail += "; " + evidence.left;
}

}  // namespace moat::run
