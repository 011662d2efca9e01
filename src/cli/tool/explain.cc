#include "cli/tool/explain.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/safe_text.h"
#include "base/text.h"
#include "cli/say.h"
#include "cli/tool/arguments.h"
#include "cli/tool/edit.h"
#include "cli/tool/in_words.h"
#include "cli/tool/summary.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using cli::Fail;
using nlohmann::json;

constexpr std::size_t kMaxInput = 16U << 20;
constexpr std::size_t kMaxRecords = 1000;

std::string Text(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> Stack(const json& record) {
  std::vector<std::string> frames;
  const auto found = record.find("backtrace");
  if (found == record.end() || !found->is_array()) return frames;
  for (const json& frame : *found) {
    if (frame.is_string()) frames.push_back(frame.get<std::string>());
  }
  return frames;
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
  denial.stack = Stack(record);
  return denial;
}

Result<std::string> ExplainReport(std::string_view text) {
  const Report report = MOAT_TRY(Report::FromJson(text));
  std::string out = report.Summary() + "\n";
  for (const Denial& denial : report.denials) out += InWords(denial);
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
    out += InWords(DenialOf(record));
  }
  if (!out.empty()) return out + (own_words ? "(as the process itself told it)\n" : "");
  return ExplainReport(text);
}

namespace {

constexpr char kUsage[] = R"(moat explain FILE [--apply POLICY]
moat explain --summary DIR [--json]

FILE is a report of `moat run --report`, or the records of a seal; - is standard input. Tells what was denied, by
which line, how dangerous the call is, and the narrowest rule that would allow it.

  --apply POLICY   write those rules into the policy, where they keep their word, and print the difference
  --summary DIR    all reports below DIR: how the sides of `enforce` compare, and what failed, by cause
  --json           the summary for machines
)";

struct Asked {
  std::string file, apply_to, folder;
  bool json = false;
};

Result<Asked> Take(const Arguments& arguments) {
  const Asked asked{arguments.words.empty() ? "" : arguments.words.front(), arguments.Value("--apply"), arguments.Value("--summary"),
                    arguments.Has("--json")};
  if (arguments.words.size() > 1) return PolicyError("one report at a time; --summary takes a folder of them");
  if (asked.folder.empty() != asked.file.empty() && (asked.folder.empty() || asked.apply_to.empty())) return asked;
  return WithFix(PolicyError("what is to be explained?"),
                 "`moat explain FILE [--apply POLICY]`: a report, or the records of a seal, - is standard input; `moat explain --summary DIR`");
}

Result<std::string> Summarised(const Asked& asked) {
  const Digest digest = Digested(MOAT_TRY(ReadReports(asked.folder)));
  return asked.json ? InJson(digest) : InWords(digest);
}

// The file is replaced whole, by one of the same rights.
Status Replace(const std::string& path, const std::string& text) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return SystemError("stat", errno, path);
  const std::string beside = path + ".new";
  {
    const sys::Fd file = MOAT_TRY(sys::open(beside, O_WRONLY | O_CREAT | O_EXCL, facts.st_mode & 0777));
    MOAT_TRY(sys::WriteAll(file.get(), text, beside));
  }
  if (rename(beside.c_str(), path.c_str()) == 0) return {};
  const int failed = errno;
  unlink(beside.c_str());
  return SystemError("rename", failed, path);
}

Result<std::string> Apply(const std::string& policy, std::string_view text) {
  std::vector<Denial> denials = DenialsOfRecords(text);
  if (denials.empty()) denials = MOAT_TRY(Report::FromJson(text)).denials;
  const std::string before = MOAT_TRY(sys::ReadFile(policy, 1 << 20));
  const Edited edited = MOAT_TRY(ApplyEdits(policy, before, denials));
  std::string out;
  for (const std::string& change : edited.changes) out += policy + ": " + base::Printable(change) + "\n";
  for (const std::string& why : edited.skipped) out += policy + ": " + base::Printable(why) + "\n";
  if (edited.text != before) MOAT_TRY(Replace(policy, edited.text));
  return out;
}

Result<std::string> ExplainAndApply(const Asked& asked) {
  auto text = asked.file == "-" ? sys::ReadAll(sys::Fd(0), kMaxInput, "standard input") : sys::ReadFile(asked.file, kMaxInput);
  if (!text.ok()) return std::move(text).error();
  std::string words = MOAT_TRY(Explain(*text));
  if (!asked.apply_to.empty()) words += MOAT_TRY(Apply(asked.apply_to, *text));
  return words;
}

}  // namespace

int ExplainCommand(const std::vector<std::string>& args) {
  const Flags flags{{"--apply", "--summary"}, {"--json"}, "`moat explain --help` lists the flags"};
  auto arguments = ParseArguments(args, flags);
  if (arguments.ok() && arguments->Has("--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  auto asked = arguments.ok() ? Take(*arguments) : Result<Asked>(arguments.error());
  auto words = !asked.ok() ? Result<std::string>(asked.error()) : asked->folder.empty() ? ExplainAndApply(*asked) : Summarised(*asked);
  if (!words.ok()) {
    return Fail(words.error());
  }
  std::fputs(words->c_str(), stdout);
  return 0;
}

}  // namespace moat::tool
