#include "cli/launcher/submit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/safe_text.h"
#include "base/units.h"
#include "cli/launcher/report_sink.h"
#include "cli/say.h"
#include "serve/local_client.h"
#include "sys/calls.h"

namespace moat::launcher {
namespace {

using cli::Fail;
using cli::Say;

constexpr char kUsage[] = R"(moat submit [flags] PROFILE [-- ARGUMENTS]

Has one job done by the daemon (`moat serve`), and waits for it.

  --socket PATH        of the daemon; /run/moat/pool.sock
  -i, --input FILE     an input; again for more
  -o, --output FILE    an output, made or overwritten; again for more
  --folder DIR         where the results of a program in a jail are collected
  --log FILE           where it writes its standard error; by default, to this one's
  --request TEXT|-     what a program that serves is told (- : from standard input)
  --label TEXT         what the daemon's log calls the job beside its own name; up to 64 bytes
  --priority P         high, normal (default), low
  --wall TIME          less than the profile's limit: "2s"
  --within TIME        not started after that
  --report FILE|fd:N   what became of it, as by moat run

An answer goes to standard output. Exit code: as of moat run; 125 also when the job was not taken.
)";

struct Options {
  std::string socket = "/run/moat/pool.sock", folder, log, request, priority = "normal", label, wall, within, report, profile;
  std::vector<std::string> inputs, outputs, arguments;
  bool help = false;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  struct Flag {
    const char* name;
    std::string* one;
    std::vector<std::string>* many;
  };
  const Flag flags[] = {{"--socket", &options.socket, nullptr},   {"--folder", &options.folder, nullptr},
                        {"--log", &options.log, nullptr},         {"--request", &options.request, nullptr},
                        {"--priority", &options.priority, nullptr}, {"--wall", &options.wall, nullptr},
                        {"--within", &options.within, nullptr},   {"--report", &options.report, nullptr},
                        {"--label", &options.label, nullptr},
                        {"--input", nullptr, &options.inputs},    {"-i", nullptr, &options.inputs},
                        {"--output", nullptr, &options.outputs},  {"-o", nullptr, &options.outputs}};
  std::size_t i = 0;
  for (; i < args.size() && args[i] != "--"; ++i) {
    if (args[i] == "--help" || args[i] == "-h") {
      options.help = true;
    } else if (args[i].rfind('-', 0) != 0) {
      if (!options.profile.empty()) return WithFix(PolicyError("`" + args[i] + "`: one profile, please"), "arguments stand behind `--`");
      options.profile = args[i];
    } else {
      const Flag* found = nullptr;
      for (const Flag& flag : flags) {
        if (args[i] == flag.name) found = &flag;
      }
      if (found == nullptr) return WithFix(PolicyError("unknown flag `" + args[i] + "`"), "`moat submit --help` lists the flags");
      if (i + 1 >= args.size()) return PolicyError("`" + args[i] + "` needs a value");
      ++i;
      if (found->one != nullptr) *found->one = args[i];
      if (found->many != nullptr) found->many->push_back(args[i]);
    }
  }
  if (i < args.size()) options.arguments.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
  if (options.profile.empty() && !options.help) return WithFix(PolicyError("which profile?"), "`moat submit --help`");
  return options;
}

Status SetPriority(const std::string& word, serve::LocalJob& job) {
  if (word == "high") job.priority = serve::LocalPriority::kHigh;
  if (word == "low") job.priority = serve::LocalPriority::kLow;
  if (word == "high" || word == "normal" || word == "low") return {};
  return PolicyError("--priority is high, normal or low");
}

// Keeps the descriptors of the job.
struct Files {
  std::vector<sys::Fd> all;
  Result<int> Keep(Result<sys::Fd> opened) {
    if (!opened.ok()) return std::move(opened).error();
    all.push_back(std::move(*opened));
    return all.back().get();
  }
};

// What inputs are called: their own names where all are plain and differ, else what the pool calls them.
std::vector<std::string> NamesOf(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    std::string name = path.substr(path.rfind('/') + 1);
    const bool plain = !name.empty() && name.size() <= 128 && name[0] != '.' && name[0] != '-' &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; });
    if (!plain || std::find(names.begin(), names.end(), name) != names.end()) return std::vector<std::string>(paths.size());
    names.push_back(std::move(name));
  }
  return names;
}

Status OpenFiles(const Options& options, serve::LocalJob& job, Files& files) {
  const std::vector<std::string> names = NamesOf(options.inputs);
  for (std::size_t i = 0; i < names.size(); ++i) {
    job.inputs.push_back({MOAT_TRY(files.Keep(sys::open(options.inputs[i], O_RDONLY | O_NOCTTY))), names[i]});
  }
  for (const std::string& path : options.outputs) {
    job.outputs.push_back(MOAT_TRY(files.Keep(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0666))));
  }
  job.log = STDERR_FILENO;
  if (!options.log.empty()) job.log = MOAT_TRY(files.Keep(sys::open(options.log, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0666)));
  if (options.folder.empty()) return {};
  if (mkdir(options.folder.c_str(), 0755) != 0 && errno != EEXIST) return SystemError("mkdir", errno, options.folder);
  job.folder = MOAT_TRY(files.Keep(sys::open(options.folder, O_RDONLY | O_DIRECTORY)));
  return {};
}

Status FillJob(const Options& options, serve::LocalJob& job, Files& files) {
  job.profile = options.profile;
  job.label = options.label;
  job.arguments = options.arguments;
  job.request = options.request;
  if (options.request == "-") job.request = MOAT_TRY(sys::ReadAll(sys::Fd(dup(0)), 1 << 20, "standard input"));
  MOAT_TRY(SetPriority(options.priority, job));
  if (!options.wall.empty()) job.wall_ns = static_cast<std::uint64_t>(MOAT_TRY(base::ParseDuration(options.wall)));
  if (!options.within.empty()) job.start_within_ns = static_cast<std::uint64_t>(MOAT_TRY(base::ParseDuration(options.within)));
  return OpenFiles(options, job, files);
}

Result<int> RunJob(const Options& options) {
  serve::LocalJob job;
  Files files;
  MOAT_TRY(FillJob(options, job, files));
  auto sink = MOAT_TRY(ReportSink::Open(options.report));
  const sys::Fd door = MOAT_TRY(serve::EnterLocalDoor(options.socket));
  MOAT_TRY(serve::SendJob(door, 1, job));
  std::vector<char> buffer(serve::kAnswerBytes);
  const serve::LocalAnswer done = MOAT_TRY(serve::NextAnswer(door, buffer));
  if (done.outcome != serve::LocalOutcome::kDone) {
    Error error = HostError("the job was not done: " + done.why);
    if (done.retry_after_ns > 0) error.fix = "ask again in " + base::FormatDuration(static_cast<std::int64_t>(done.retry_after_ns));
    return error;
  }
  MOAT_TRY(sys::WriteAll(STDOUT_FILENO, done.answer, "standard output"));
  if (sink.wanted()) MOAT_TRY(sink.Write(done.report.ToJson()));
  if (done.report.cause != Cause::kExit) Say(base::Printable(done.report.detail));
  return done.report.ExitStatus();
}

}  // namespace

int Submit(const std::vector<std::string>& args) {
  auto options = Parse(args);
  if (!options.ok()) return Fail(options.error());
  if (options->help) {
    const auto said = sys::WriteAll(STDOUT_FILENO, kUsage, "standard output");
    return said.ok() ? 0 : Fail(said.error());
  }
  auto code = RunJob(*options);
  return code.ok() ? *code : Fail(code.error());
}

}  // namespace moat::launcher
