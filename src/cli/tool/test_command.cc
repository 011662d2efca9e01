#include "cli/tool/test_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/text.h"
#include "cli/say.h"
#include "cli/tool/arguments.h"
#include "cli/tool/compile.h"
#include "cli/tool/corpus.h"
#include "cli/tool/drift.h"
#include "cli/tool/learner.h"
#include "cli/tool/test_report.h"
#include "cli/tool/watched_job.h"
#include "learn/files.h"
#include "learn/grain.h"
#include "learn/remarks.h"
#include "policy/verdicts.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using cli::Fail;

namespace fs = std::filesystem;
constexpr char kUsage[] = R"(moat test POLICY --corpus DIR [flags] [-- COMMAND {in} {out}]

Runs the command once for each file below DIR with the policy enforced, and fails when the policy was in the
way: a call denied, a limit hit, a result that is not that of the reference. A program that fails by itself is no
failure. Without a command, that which the policy was learned with.

  --corpus DIR      inputs
  --results DIR     keep the results: those of input X in DIR/X
  --reference DIR   compare with results that an earlier run kept
  --junit FILE      the outcome as JUnit XML
  --github          annotations for GitHub's workflows, on standard output
  --shrink          also propose entries of the policy that no input needed
  --jobs N          runs at the same time; twice as many as there are processors
  --json            the outcome for machines

Says as well what has changed since the policy was learned: program, libraries, libc, kernel.

Exit code 0: nothing in the way; 1: something; 125: moat could not test. See docs/learning.md.
)";

struct Asked {
  std::string policy, corpus, junit, reference, results;
  bool github = false, shrink = false, json = false;
  unsigned jobs = 1;
  std::vector<std::string> command, in_vain;
};

Result<Asked> Take(const Arguments& arguments) {
  const char* fix = "moat test POLICY --corpus DIR [-- COMMAND {in} {out}]; `moat test --help` tells more";
  if (arguments.words.size() != 1) return WithFix(PolicyError(arguments.words.empty() ? "which policy?" : "one policy at a time"), fix);
  Asked asked;
  asked.policy = arguments.words.front();
  asked.corpus = arguments.Value("--corpus");
  asked.junit = arguments.Value("--junit");
  asked.reference = arguments.Value("--reference");
  asked.results = arguments.Value("--results");
  asked.github = arguments.Has("--github");
  asked.shrink = arguments.Has("--shrink");
  asked.json = arguments.Has("--json");
  asked.jobs = MOAT_TRY(JobsOf(arguments.Value("--jobs")));
  asked.command = arguments.command;
  if (asked.corpus.empty()) return WithFix(PolicyError("--corpus is missing: the folder with inputs"), fix);
  if (!asked.reference.empty() && !fs::is_directory(asked.reference)) return PolicyError("there is no folder `" + asked.reference + "` to compare with");
  return asked;
}

// What `folder` holds, by name.
std::vector<std::string> Names(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->is_regular_file(failed)) names.push_back(fs::relative(at->path(), folder, failed).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Compared(const std::string& reference, const std::string& results) {
  constexpr std::size_t kMost = 1U << 30;
  const std::vector<std::string> wanted = Names(reference), got = Names(results);
  for (const std::string& name : wanted) {
    if (!std::binary_search(got.begin(), got.end(), name)) return "no result " + name + ", which the reference has";
    auto one = sys::ReadFile(reference + "/" + name, kMost), other = sys::ReadFile(results + "/" + name, kMost);
    if (!one.ok() || !other.ok()) return "the result " + name + " could not be compared";
    if (*one != *other) return "the result " + name + " is not that of the reference";
  }
  for (const std::string& name : got) {
    if (!std::binary_search(wanted.begin(), wanted.end(), name)) return "a result " + name + " that the reference does not have";
  }
  return {};
}

Tried TryOne(const Asked& asked, const watch::Rules& rules, watch::KnownPaths& known, const std::string& file, const std::string& work) {
  Tried tried;
  tried.input = fs::relative(file, asked.corpus).string();
  tried.in_vain = asked.in_vain;
  const std::string results = asked.results.empty() ? work : asked.results + "/" + tried.input;
  std::error_code failed;
  fs::create_directories(results, failed);
  if (failed) {
    tried.error = "no folder for results can be made: " + results + ": " + failed.message();
    return tried;
  }
  WatchedRun wanted;
  wanted.known = &known;
  wanted.run.policy = asked.policy;
  wanted.run.inputs = {file};
  wanted.run.output_dir = results;
  wanted.run.command = asked.command;
  auto job = RunWatched(wanted, rules);
  if (!job.ok()) {
    tried.error = job.error().ToString();
  } else {
    tried.report = std::move(job->report);
    if (!asked.reference.empty()) tried.difference = Compared(asked.reference + "/" + tried.input, results);
  }
  if (asked.results.empty()) fs::remove_all(results, failed);
  return tried;
}

bool IsNeeded(const std::string& entry, const learn::Observations& seen) {
  const auto& always = learn::AlwaysNeeded();
  if (std::find(always.begin(), always.end(), entry) != always.end()) return true;
  return std::any_of(seen.calls.begin(), seen.calls.end(), [&](const auto& each) {
    const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), each.first);
    const auto siblings = learn::Siblings(each.first);
    return (call != nullptr && policy::Covers(entry, *call)) || std::find(siblings.begin(), siblings.end(), entry) != siblings.end();
  });
}

// Lines of [files] none of whose paths was looked at. A path group is one line.
std::vector<std::string> SpareFiles(const policy::Model& model, const learn::Observations& seen) {
  std::map<std::string, std::pair<std::string, bool>> lines;  // where it is written -> its first path, and was it needed?
  for (const policy::FileRule& rule : model.files.rules) {
    if (rule.access != policy::FileAccess::kRead || rule.origin.file != model.sources.front()) continue;
    auto& line = lines.emplace(rule.origin.ToString(), std::make_pair(rule.source, false)).first->second;
    line.second = line.second || std::any_of(seen.files.begin(), seen.files.end(), [&](const auto& file) { return learn::Within(file.first, rule.target); });
  }
  std::vector<std::string> spare;
  for (const auto& [origin, line] : lines) {
    if (!line.second) spare.push_back("files.read " + line.first + " (" + origin + ")");
  }
  return spare;
}

// Entries of the policy's own file that no input needed: what learning from the same corpus, with the same files to be
// seen, would not write.
Result<std::vector<std::string>> Spare(const Asked& asked, const policy::Model& model) {
  LearnRequest request;
  request.corpus = asked.corpus;
  request.command = asked.command;
  request.jobs = asked.jobs;
  for (const policy::FileRule& rule : model.files.rules) {
    if (rule.access == policy::FileAccess::kRead && rule.source == rule.target) request.visible.push_back(rule.source + "?");
  }
  const Learned learned = MOAT_TRY(LearnCorpus(request));
  std::vector<std::string> spare;
  for (const auto& allowed : model.syscalls.allow) {
    const bool own = allowed.origin.file == model.sources.front();
    if (own && !IsNeeded(allowed.value, learned.seen)) spare.push_back(allowed.value + " (" + allowed.origin.ToString() + ")");
  }
  for (std::string& line : SpareFiles(model, learned.seen)) spare.push_back(std::move(line));
  return spare;
}

// The file that `policy`, a name or a path, was read from.
std::string TextOf(const policy::Model& model) {
  auto text = model.sources.empty() ? Result<std::string>(PolicyError("")) : sys::ReadFile(model.sources.front(), 1 << 20);
  return text.ok() ? *text : std::string();
}

Status WriteJUnit(const Asked& asked, const Tested& tested) {
  if (asked.junit.empty()) return {};
  const sys::Fd file = MOAT_TRY(sys::open(asked.junit, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  return sys::WriteAll(file.get(), JUnit(tested), asked.junit);
}

Result<int> Run(Asked asked) {
  launcher::Invocation run;
  run.policy = asked.policy;
  const policy::Model model = MOAT_TRY(LoadModel(run));
  const watch::Rules rules = MOAT_TRY(watch::Rules::Of(model));
  const std::string text = TextOf(model);
  asked.in_vain = learn::InVainOf(text);
  if (asked.command.empty()) asked.command = learn::CommandOf(text);
  if (asked.command.empty()) return WithFix(PolicyError("there is no command behind `--`, and the policy was not learned with one"), "`moat test --help`");
  const std::vector<std::string> files = MOAT_TRY(FilesBelow(asked.corpus));
  const WorkFolder folder = MOAT_TRY(WorkFolder::Make());
  watch::KnownPaths known;
  Tested tested;
  tested.policy = asked.policy;
  tested.inputs.resize(files.size());
  InParallel(files.size(), asked.jobs, "testing", [&](std::size_t i) {
    tested.inputs[i] = TryOne(asked, rules, known, files[i], folder.path() + "/out-" + base::Number(i));
  });
  std::sort(tested.inputs.begin(), tested.inputs.end(), [](const Tried& a, const Tried& b) { return a.input < b.input; });
  tested.drift = Drift(text, model);
  tested.unseen = learn::UnseenOf(text);
  if (asked.shrink) tested.spare = MOAT_TRY(Spare(asked, model));
  MOAT_TRY(WriteJUnit(asked, tested));
  if (asked.github) std::fputs(Annotations(tested).c_str(), stdout);
  std::fputs((asked.json ? Json(tested) : Summary(tested)).c_str(), stdout);
  return Failed(tested) == 0 ? 0 : 1;
}

Result<int> Test(const std::vector<std::string>& args) {
  const Flags flags{{"--corpus", "--results", "--reference", "--junit", "--jobs"}, {"--github", "--shrink", "--json"}, "`moat test --help` lists the flags"};
  const Arguments arguments = MOAT_TRY(ParseArguments(args, flags));
  if (!arguments.Has("--help")) return Run(MOAT_TRY(Take(arguments)));
  std::fputs(kUsage, stdout);
  return 0;
}

}  // namespace

int TestCommand(const std::vector<std::string>& args) {
  auto done = Test(args);
  if (done.ok()) return *done;
  return Fail(done.error());
}

}  // namespace moat::tool
