#include "cli/tool/seal_command.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/errno_name.h"
#include "base/safe_text.h"
#include "cli/launcher/report_sink.h"
#include "cli/say.h"
#include "cli/tool/explain.h"
#include "cli/tool/follow.h"
#include "moat/seal_policy.h"

namespace moat::tool {
namespace {

using cli::Fail;

constexpr char kUsage[] = R"(moat seal [flags] -- COMMAND ARGS

Seals a program that cannot be changed, from outside, at its first read of standard input. From
then on it may use what it has open, memory, time, random bytes and the threads it has.

  --marker TEXT        not at the first read: after it wrote TEXT to its output,
                       all of it by one call
  --preset NAME        pure, stdio (default)
  --promise WORDS      words instead of a preset: "stdio rpath"
  -p, --policy POLICY  what the policy file of a jail has for a seal
  --threads WHICH      none, existing (default), new
  --waiting            poll and select are allowed
  --soft-open          opening files fails, instead of being a violation
  --on WHAT            a violation is: kill (default), an errno name such as EACCES, log
  --report FILE|fd:N   what became of it, as by moat run
  --verbose            which descriptors it keeps

Weaker than a seal in the program's source: what it does before the seal is not confined, whatever
it has open by then stays open, and one that reads nothing is never sealed (then moat fails with
125, after the fact). A program that holds folders or sockets or that starts processes is refused.
)";

struct Options {
  std::string preset, promise, policy, threads, on = "kill", report, marker;
  bool soft_open = false, waiting = false, verbose = false, help = false;
  std::vector<std::string> command;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  struct Flag {
    const char* name;
    std::string* value;
  };
  const Flag flags[] = {{"--marker", &options.marker},   {"--preset", &options.preset}, {"--promise", &options.promise},
                        {"--policy", &options.policy},   {"-p", &options.policy},       {"--threads", &options.threads},
                        {"--on", &options.on},           {"--report", &options.report}};
  std::size_t i = 0;
  for (; i < args.size() && args[i] != "--" && args[i].rfind('-', 0) == 0; ++i) {
    if (args[i] == "--soft-open") {
      options.soft_open = true;
    } else if (args[i] == "--waiting") {
      options.waiting = true;
    } else if (args[i] == "--verbose") {
      options.verbose = true;
    } else if (args[i] == "--help" || args[i] == "-h") {
      options.help = true;
    } else {
      const Flag* found = nullptr;
      for (const Flag& flag : flags) {
        if (args[i] == flag.name) found = &flag;
      }
      if (found == nullptr) return WithFix(PolicyError("unknown flag `" + args[i] + "`"), "`moat seal --help` lists the flags");
      if (i + 1 >= args.size() || args[i + 1].empty()) return PolicyError("`" + args[i] + "` needs a value");
      *found->value = args[++i];
    }
  }
  if (i < args.size() && args[i] == "--") ++i;
  options.command.assign(args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
  if (options.command.empty() && !options.help) {
    return WithFix(PolicyError("no command to seal"), "write it behind `--`: moat seal -- jq .name < file.json");
  }
  return options;
}

Result<Seal> Words(const Options& options) {
  const int given = (options.preset.empty() ? 0 : 1) + (options.promise.empty() ? 0 : 1) + (options.policy.empty() ? 0 : 1);
  if (given > 1) return PolicyError("--preset, --promise and --policy are three ways to say the same; one of them, please");
  if (!options.promise.empty()) return Seal(SealSelfTest::kOff).Promise(options.promise);
  if (!options.policy.empty()) {
    const Policy policy = MOAT_TRY(Policy::Load(options.policy));
    PolicySeal made = MOAT_TRY(SealOf(policy, SealSelfTest::kOff));
    for (const std::string& line : made.without_meaning) {
      if (options.verbose) std::fprintf(stderr, "moat: without meaning here: %s\n", base::Printable(line).c_str());
    }
    return made.seal;
  }
  const bool stdio = options.preset.empty() || options.preset == "stdio";
  if (!stdio && options.preset != "pure" && options.preset != "strict") return Seal::Preset(options.preset, SealSelfTest::kOff);
  // Roles come from what the program has open, so the preset's own are left out.
  Seal seal(SealSelfTest::kOff);
  if (options.preset == "strict") seal.request().grants = 0;
  if (options.preset != "strict") seal.Memory().Time();
  if (stdio) seal.Random().Threads();
  return seal;
}

Status Adjust(const Options& options, Seal& seal) {
  if (options.threads == "none") seal.Threads(SealThreads::kNone);
  if (options.threads == "existing") seal.Threads(SealThreads::kExisting);
  if (options.threads == "new") seal.Threads(SealThreads::kNew);
  if (!options.threads.empty() && options.threads != "none" && options.threads != "existing" && options.threads != "new") {
    return PolicyError("--threads is none, existing or new");
  }
  if (options.soft_open) seal.SoftOpen();
  if (options.waiting) seal.Waiting();
  if (options.on == "log") {
    seal.OnViolation(SealViolation::kLog);
  } else if (const auto error = base::ErrnoFromName(options.on)) {
    seal.OnViolation(SealViolation::kErrno, *error);
  } else if (options.on == "kill") {
    if (options.policy.empty()) seal.OnViolation(SealViolation::kKill);
  } else {
    return PolicyError("--on is kill, log, or the name of an errno such as EACCES");
  }
  return {};
}

int Run(const Options& options) {
  auto seal = Words(options);
  if (!seal.ok()) return Fail(seal.error());
  if (auto adjusted = Adjust(options, *seal); !adjusted.ok()) return Fail(adjusted.error());
  auto sink = launcher::ReportSink::Open(options.report);
  if (!sink.ok()) return Fail(sink.error());
  FollowRequest request;
  request.command = options.command;
  request.marker = options.marker;
  request.seal = *std::move(seal);
  auto followed = Follow(request);
  if (!followed.ok()) return Fail(followed.error());
  for (const std::string& role : followed->roles) {
    if (options.verbose) std::fprintf(stderr, "moat: kept %s\n", base::Printable(role).c_str());
  }
  for (const std::string& record : followed->records) {
    if (auto words = Explain(record); words.ok()) std::fprintf(stderr, "moat: %s", words->c_str());
  }
  if (sink->wanted()) {
    if (auto written = sink->Write(followed->report.ToJson()); !written.ok()) return Fail(written.error());
  }
  return followed->report.ExitStatus();
}

}  // namespace

int SealCommand(const std::vector<std::string>& args) {
  auto options = Parse(args);
  if (!options.ok()) return Fail(options.error());
  if (!options->help) return Run(*options);
  std::fputs(kUsage, stdout);
  return 0;
}

}  // namespace moat::tool
