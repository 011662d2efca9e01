#include "cli/tool/learn_command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/safe_text.h"
#include "base/text.h"
#include "cli/say.h"
#include "cli/tool/arguments.h"
#include "cli/tool/compile.h"
#include "cli/tool/drift.h"
#include "cli/tool/learner.h"
#include "learn/remarks.h"
#include "learn/write.h"
#include "policy/diff.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using cli::Fail;

constexpr std::size_t kMaxPolicy = 1 << 20;
constexpr std::size_t kListed = 5;  // of each kind on a terminal; --json has all

constexpr char kUsage[] = R"(moat learn --corpus DIR -o POLICY [flags] -- COMMAND {in} {out}

Runs the command once for each file below DIR, in a jail that watches what it needs, and writes a policy
that allows this and no more. Where POLICY exists it is added to: what people wrote in it stays.

  --corpus DIR     inputs; {in} in the command becomes the one, {out} the folder for its results
  -o POLICY        the policy file; with --dry-run only compared with
  --see PATH       a host path that the jail shows while learning, besides the system; may be repeated
  --jobs N         runs at the same time; twice as many as there are processors
  --dry-run        print what would be written, and write nothing
  --json           the result for machines

Calls of the dangerous tiers (ptrace, mount, keyctl ...) are refused while learning, told, and never granted.

Exit code 0: a policy was learned; 125: not. See docs/learning.md.
)";

struct Asked {
  LearnRequest request;
  std::string file;
  bool dry_run = false, json = false;
};

struct Outcome {
  std::string text;                  // the policy
  std::vector<std::string> changes;  // for one that was there
  bool merged = false;
  learn::About about;
};

Result<Asked> Take(const Arguments& arguments) {
  Asked asked;
  asked.request.corpus = arguments.Value("--corpus");
  asked.request.visible = arguments.Values("--see");
  asked.request.jobs = MOAT_TRY(JobsOf(arguments.Value("--jobs")));
  asked.request.command = arguments.command;
  asked.file = arguments.Value("-o");
  asked.dry_run = arguments.Has("--dry-run");
  asked.json = arguments.Has("--json");
  const char* fix = "moat learn --corpus DIR -o POLICY -- COMMAND {in} {out}; `moat learn --help` tells more";
  if (!arguments.words.empty()) return WithFix(PolicyError("what is `" + arguments.words.front() + "`?"), fix);
  if (asked.request.corpus.empty()) return WithFix(PolicyError("--corpus is missing: the folder with inputs"), fix);
  if (asked.file.empty()) return WithFix(PolicyError("-o is missing: the policy file to write"), fix);
  if (asked.request.command.empty()) return WithFix(PolicyError("there is no command behind `--`"), fix);
  const bool uses_input = std::any_of(asked.request.command.begin(), asked.request.command.end(),
                                      [](const std::string& word) { return word.find("{in}") != std::string::npos; });
  if (!uses_input) return WithFix(PolicyError("the command has no {in}: every run would be the same"), fix);
  for (std::string& path : asked.request.visible) {
    if (path.empty() || path[0] != '/') return PolicyError("--see takes absolute paths, not `" + path + "`");
  }
  return asked;
}

std::string InOneLine(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

// The file is replaced whole; a link is followed, and who may read it stays.
Status Write(const std::string& path, const std::string& text) {
  std::string real = path;
  if (char* resolved = realpath(path.c_str(), nullptr)) {
    real = resolved;
    free(resolved);
  }
  struct stat facts {};
  const mode_t mode = stat(real.c_str(), &facts) == 0 ? facts.st_mode & 0777 : 0644;
  const std::string beside = real + ".new";
  {
    const sys::Fd file = MOAT_TRY(sys::open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    MOAT_TRY(sys::WriteAll(file.get(), text, beside));
  }
  if (rename(beside.c_str(), real.c_str()) != 0) return SystemError("rename", errno, path);
  return {};
}

Result<Outcome> Make(const Asked& asked, const Learned& learned) {
  const learn::Observations& seen = learned.seen;
  Outcome outcome;
  if (access(asked.file.c_str(), F_OK) == 0) {
    const std::string before = MOAT_TRY(sys::ReadFile(asked.file, kMaxPolicy));
    outcome.merged = true;
    outcome.text = MOAT_TRY(learn::Merged(before, asked.file, seen, StandardProfiles()));
    outcome.changes = policy::Diff(MOAT_TRY(policy::Parse(before, asked.file, StandardProfiles())),
                                   MOAT_TRY(policy::Parse(outcome.text, asked.file, StandardProfiles())));
  } else {
    outcome.text = learn::Written(seen, InOneLine(asked.request.command));
  }
  const policy::Model model = MOAT_TRY(policy::Parse(outcome.text, asked.file, StandardProfiles()));
  const std::vector<learn::Object> objects = ObjectsOf(seen);
  outcome.about.estimate = learn::Estimated(static_cast<unsigned>(seen.inputs.size()), learn::Entries(seen));
  outcome.about.undecided = MOAT_TRY(learn::Undecided(model, seen, objects));
  for (const auto& [path, evidence] : seen.hidden) outcome.about.in_vain.push_back(path);
  outcome.about.command = asked.request.command;
  outcome.about.made = Made(objects);
  outcome.text = learn::WithRemarks(outcome.text, outcome.about);
  MOAT_TRY(policy::Parse(outcome.text, asked.file, StandardProfiles()));
  return outcome;
}

std::string Percent(double share) {
  char text[16];
  std::snprintf(text, sizeof(text), "%.1f %%", share * 100);
  return text;
}

template <typename List, typename ToText>
std::string Listed(const List& list, const ToText& to_text) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& each : list) {
    if (shown++ == kListed) return out + "  ... and " + base::Number(list.size() - kListed) + " more\n";
    out += "  " + base::Printable(to_text(each)) + "\n";
  }
  return out;
}

std::string InWords(const learn::Estimate& estimate) {
  std::string out = "unseen: the next input needs something new with a chance of " + Percent(estimate.next) + " (95 % confidence: less than " +
                    Percent(estimate.bound) + ")\n";
  out += "  " + base::Number(estimate.alone) + " of " + base::Number(estimate.inputs) + " inputs needed something of their own; about " +
         base::Number(static_cast<std::uint64_t>(estimate.unseen + 0.5)) + " entries are still unseen\n";
  return out + "  held out: " + base::Number(estimate.surprised) + " of the last " + base::Number(estimate.held_out) +
         " inputs needed what the first had not shown\n";
}

std::string InWords(const Asked& asked, const Learned& learned, const Outcome& outcome) {
  const std::string name = base::Printable(asked.file);
  const std::size_t inputs = learned.seen.inputs.size();
  std::string out = name + (asked.dry_run ? ": would be " : ": ") + (outcome.merged ? "added to" : "learned") + " from " + base::Number(inputs) +
                    (inputs == 1 ? " input\n" : " inputs\n");
  for (const std::string& change : outcome.changes) out += "  " + base::Printable(change) + "\n";
  if (outcome.merged && outcome.changes.empty()) out += "  nothing to add\n";
  out += InWords(outcome.about.estimate);
  if (!outcome.about.undecided.empty()) {
    out += "reachable, unseen: " + base::Number(outcome.about.undecided.size()) + " calls that the code could make and no input made, the riskiest first\n";
    out += Listed(outcome.about.undecided, [](const learn::Reachable& each) {
      return each.call + ", tier " + base::Number(each.tier) + ", from " + each.where;
    });
  }
  if (!learned.seen.dangerous.empty()) {
    out += "refused while learning, and not granted:\n";
    out += Listed(learned.seen.dangerous, [](const auto& each) { return each.first + ", " + base::Number(each.second.times) + " times"; });
  }
  if (!learned.seen.hidden.empty()) {
    out += "looked for in vain, and on this host; `--see PATH` shows it:\n";
    out += Listed(learned.seen.hidden, [](const auto& each) { return each.first; });
  }
  if (!learned.failed.empty()) {
    out += "did not exit with 0, and counted all the same:\n";
    out += Listed(learned.failed, [](const FailedInput& each) { return each.input + ": " + each.how + (each.said.empty() ? "" : ", saying: " + each.said); });
  }
  return out;
}

std::string InJson(const Asked& asked, const Learned& learned, const Outcome& outcome) {
  using nlohmann::ordered_json;
  const learn::Estimate& estimate = outcome.about.estimate;
  ordered_json json = {{"policy", asked.file}, {"inputs", learned.seen.inputs.size()}, {"merged", outcome.merged},
                       {"written", !asked.dry_run}, {"changes", outcome.changes}};
  json["unseen"] = {{"chance", estimate.next}, {"bound", estimate.bound}, {"confidence", 0.95}, {"alone", estimate.alone},
                    {"entries", estimate.unseen}, {"held_out", estimate.held_out}, {"surprised", estimate.surprised}};
  json["reachable"] = ordered_json::array();
  for (const auto& each : outcome.about.undecided) json["reachable"].push_back({{"call", each.call}, {"tier", each.tier}, {"from", each.where}});
  json["refused"] = ordered_json::array();
  for (const auto& [call, evidence] : learned.seen.dangerous) json["refused"].push_back({{"call", call}, {"times", evidence.times}});
  json["hidden"] = ordered_json::array();
  for (const auto& [path, evidence] : learned.seen.hidden) json["hidden"].push_back(path);
  json["failed"] = ordered_json::array();
  for (const FailedInput& each : learned.failed) json["failed"].push_back({{"input", each.input}, {"how", each.how}, {"said", each.said}});
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<int> Learn(const std::vector<std::string>& args) {
  const Flags flags{{"--corpus", "-o", "--see", "--jobs"}, {"--dry-run", "--json"}, "`moat learn --help` lists the flags"};
  const Arguments arguments = MOAT_TRY(ParseArguments(args, flags));
  if (arguments.Has("--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const Asked asked = MOAT_TRY(Take(arguments));
  const Learned learned = MOAT_TRY(LearnCorpus(asked.request));
  const Outcome outcome = MOAT_TRY(Make(asked, learned));
  if (!asked.dry_run) MOAT_TRY(Write(asked.file, outcome.text));
  std::fputs((asked.json ? InJson(asked, learned, outcome) : InWords(asked, learned, outcome)).c_str(), stdout);
  return 0;
}

}  // namespace

int LearnCommand(const std::vector<std::string>& args) {
  auto done = Learn(args);
  if (done.ok()) return *done;
  return Fail(done.error());
}

}  // namespace moat::tool
