// What a report says in words, and the names of causes.
#include "moat/report.h"

#include <span>

#include "base/safe_text.h"
#include "base/text.h"
#include "run/cause.h"
#include "run/report_words.h"

namespace moat {

namespace run {

const CauseFacts& FactsOf(Cause cause) {
  const auto causes = Causes();
  const auto index = static_cast<std::size_t>(cause);
  // A value from outside the enumeration is a bug of ours, and not one to die of.
  return causes[index < causes.size() ? index : static_cast<std::size_t>(Cause::kWorkerLost)];
}

}  // namespace run

std::string_view CauseName(Cause cause) { return run::FactsOf(cause).name; }

std::optional<Cause> CauseFromName(std::string_view name) {
  for (const auto& facts : run::Causes()) {
    if (facts.name == name) return facts.cause;
  }
  return std::nullopt;
}

namespace {

constexpr int kOurFailure = 125;

// The program's own end, "" when it has none.
std::string EndInWords(const Report& report) {
  if (report.exit_code) return "exited " + base::SignedNumber(*report.exit_code);
  if (!report.signal) return {};
  std::string text = "ended by " + run::SignalInWords(*report.signal);
  if (report.core) text += ", core dumped";
  return text;
}

std::string VerdictInWords(const Report& report) {
  const std::string end = EndInWords(report);
  const bool own_end = report.cause == Cause::kExit || report.cause == Cause::kSignal;
  if (own_end && !end.empty()) return report.detail.empty() ? end : end + " (" + base::Printable(report.detail) + ")";
  std::string text(CauseName(report.cause));
  text += ": ";
  if (report.cause == Cause::kSetup && report.setup) {
    text += base::Printable(report.setup->message);
  } else if (!report.detail.empty()) {
    text += base::Printable(report.detail);
  } else {
    text += run::FactsOf(report.cause).text;
  }
  if (!end.empty()) text += " (" + end + ")";
  return text;
}

void AppendStream(std::string& text, std::string_view name, const StreamUsage& usage) {
  if (!usage.truncated) return;
  text += "; ";
  text += name;
  text += " cut at " + run::SizeInWords(usage.kept) + " of " + run::SizeInWords(usage.bytes);
}

void AppendFiles(std::string& text, const Report& report) {
  std::uint64_t files = 0, cut = 0;
  for (const auto& output : report.outputs) {
    if (output.type == "file") ++files;
    if (output.truncated) ++cut;
  }
  if (files != 0) text += "; " + run::CountInWords(files, "output file");
  if (cut != 0) text += " (" + base::Number(cut) + " cut)";
  if (!report.refused.empty()) text += "; " + run::CountInWords(report.refused.size(), "output") + " refused";
}

void AppendLayers(std::string& text, std::string_view what, const std::vector<Layer>& layers, bool with_detail) {
  std::string_view separator = what;
  for (const auto& layer : layers) {
    text += separator;
    text += base::Printable(layer.name);
    if (with_detail && !layer.detail.empty()) text += " (" + base::Printable(layer.detail) + ")";
    separator = ", ";
  }
}

}  // namespace

int Report::ExitStatus() const {
  if (cause == Cause::kSetup || cause == Cause::kWorkerLost) return kOurFailure;
  // A program that exits 0, when it was asked to end or behind whose back output went missing,
  // has not done all of its work.
  const bool stopped = cause == Cause::kWall || cause == Cause::kCpu || cause == Cause::kOutput || cause == Cause::kCancelled;
  if ((stopped || !results_lost.empty()) && exit_code == 0) return kOurFailure;
  if (exit_code) return *exit_code & 0xff;
  if (signal) return (128 + *signal) & 0xff;
  return kOurFailure;
}

std::string Report::Summary() const {
  std::string text = side == "reported" ? "REPORT MODE, the policy was not enforced: " : side == "off" ? "NOT ENFORCED: " : "";
  text += VerdictInWords(*this);
  if (cause != Cause::kSetup) {
    text += text.find(": ") == std::string::npos ? " in " : ", after ";
    text += run::DurationInWords(wall);
    if (memory_peak != 0) text += ", peak " + run::SizeInWords(memory_peak);
  }
  if (denial_count != 0) text += "; " + run::CountInWords(denial_count, "call") + (side == "reported" ? " that the policy refuses" : " denied");
  AppendStream(text, "stdout", out);
  AppendStream(text, "stderr", err);
  AppendFiles(text, *this);
  if (!results_lost.empty()) text += "; results lost: " + base::Printable(results_lost);
  AppendLayers(text, "; enforced: ", enforced, false);
  AppendLayers(text, "; degraded: ", degraded, true);
  return text;
}

}  // namespace moat
