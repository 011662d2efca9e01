#include "observe/job_line.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace moat::observe {
namespace {

constexpr std::size_t kDenialsTold = 3;

LogValue IfAny(const std::string& text) { return text.empty() ? LogValue(Nothing()) : LogValue(text); }
LogValue IfAny(std::uint64_t number) { return number == 0 ? LogValue(Nothing()) : LogValue(number); }
LogValue IfAny(const std::optional<int>& number) {
  return number ? LogValue(static_cast<std::uint64_t>(static_cast<unsigned>(*number))) : LogValue(Nothing());
}

std::string Listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// "socket AF_INET: default.toml:3 (kill)": the first ones; the number of all stands beside them.
std::string DeniedInWords(const Report& report) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(report.denials.size(), kDenialsTold); ++i) {
    const Denial& each = report.denials[i];
    std::string word = each.call;
    if (!each.arguments.empty()) word += " " + each.arguments;
    if (!each.rule.empty()) word += ": " + each.rule;
    if (!each.action.empty()) word += " (" + each.action + ")";
    words.push_back(std::move(word));
  }
  return Listed(words);
}

}  // namespace

void TellEnd(Log& log, const JobNames& names, const Report& report, std::uint64_t queued_ns) {
  const bool well = report.cause == Cause::kExit && report.ExitStatus() == 0;
  log.Write(well ? Level::kInfo : Level::kWarning, "job",
            {{"job", names.job}, {"label", IfAny(names.label)}, {"profile", names.profile}, {"caller", names.caller}, {"pid", IfAny(names.pid)},
             {"cause", std::string(CauseName(report.cause))}, {"exit", IfAny(report.exit_code)}, {"signal", IfAny(report.signal)},
             {"detail", IfAny(report.detail)}, {"limits", IfAny(Listed(report.limits_hit))}, {"denied", IfAny(DeniedInWords(report))},
             {"lost", IfAny(report.results_lost)}, {"hints", IfAny(Listed(report.hints))}, {"warm", IfAny(report.warm)}, {"queued_ns", queued_ns},
             {"wall_ns", report.wall}, {"cpu_ns", report.cpu_user + report.cpu_system}, {"memory_peak", report.memory_peak},
             {"denials", report.denial_count}});
}

void TellNotStarted(Log& log, const JobNames& names, const std::string& ending, const std::string& why) {
  log.Write(Level::kWarning, "job",
            {{"job", names.job}, {"label", IfAny(names.label)}, {"profile", names.profile}, {"caller", names.caller}, {"pid", IfAny(names.pid)},
             {"ending", ending}, {"why", why}});
}

}  // namespace moat::observe
