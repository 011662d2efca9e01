#include "cli/tool/explain.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/safe_text.h"
#include "base/text.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxInput = 16U << 20;
constexpr std::size_t kMaxRecords = 1000;

std::string Text(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string Stack(const json& record) {
  std::string text;
  const auto found = record.find("backtrace");
  if (found == record.end() || !found->is_array()) return text;
  for (const json& frame : *found) {
    if (frame.is_string()) text += "\n    at " + base::Printable(frame.get<std::string>());
  }
  return text;
}

json ParseLine(std::string_view line) {
  if (line.empty() || line.front() != '{') return {};
  json record = json::parse(line.begin(), line.end(), nullptr, false);
  return record.is_object() && Text(record, "moat") == "violation" ? record : json();
}

std::vector<json> Records(std::string_view text) {
  std::vector<json> records;
  while (!text.empty() && records.size() < kMaxRecords) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    json record = ParseLine(text.substr(0, end));
    if (record.is_object()) records.push_back(std::move(record));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return records;
}

Denial DenialOf(const json& record) {
  Denial denial;
  denial.call = Text(record, "call");
  denial.arguments = Text(record, "arguments");
  denial.rule = Text(record, "rule");
  denial.edit = Text(record, "edit");
  return denial;
}

std::string InWords(const Denial& denial, const std::string& stack) {
  std::string text = base::Printable(denial.call) + "(" + base::Printable(denial.arguments) + ")";
  if (denial.count > 1) text += ", " + base::Number(denial.count) + " times";
  text += "\n    " + (denial.rule.empty() ? std::string("denied") : "denied by " + base::Printable(denial.rule)) + stack;
  if (!denial.edit.empty()) text += "\n    would be allowed by: " + base::Printable(denial.edit);
  return text + "\n";
}

Result<std::string> ExplainReport(std::string_view text) {
  const Report report = MOAT_TRY(Report::FromJson(text));
  std::string out = report.Summary() + "\n";
  for (const Denial& denial : report.denials) out += InWords(denial, "");
  for (const std::string& hint : report.hints) out += "hint: " + base::Printable(hint) + "\n";
  return out;
}

}  // namespace

std::vector<Denial> DenialsOfRecords(std::string_view text) {
  std::vector<Denial> denials;
  for (const json& record : Records(text)) denials.push_back(DenialOf(record));
  return denials;
}

Result<std::string> Explain(std::string_view text) {
  std::string out;
  bool own_words = false;  // nobody else saw it
  for (const json& record : Records(text)) {
    own_words = own_words || Text(record, "mode") != "supervised";
    const bool goes_on = Text(record, "mode") == "report";
    out += goes_on ? "would be denied: " : "died of: ";
    out += InWords(DenialOf(record), Stack(record));
  }
  if (!out.empty()) return out + (own_words ? "(as the process itself told it)\n" : "");
  return ExplainReport(text);
}

int ExplainCommand(const std::vector<std::string>& args) {
  constexpr int kFailed = 125;
  if (args.size() != 1) {
    std::fputs("moat: `moat explain FILE` reads a report or the records of a seal; - is standard input\n", stderr);
    return kFailed;
  }
  auto text = args[0] == "-" ? sys::ReadAll(sys::Fd(0), kMaxInput, "standard input") : sys::ReadFile(args[0], kMaxInput);
  auto words = text.ok() ? Explain(*text) : Result<std::string>(text.error());
  if (!words.ok()) {
    std::fprintf(stderr, "moat: %s\n", base::Printable(words.error().ToString()).c_str());
    return kFailed;
  }
  std::fputs(words->c_str(), stdout);
  return 0;
}

}  // namespace moat::tool
