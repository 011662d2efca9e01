// bin/moat: starts jobs, quickly. It holds what `moat run` needs once a plan exists, and `moat submit`; for
// everything else, plans included, it asks libexec/moat/moat-cli.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/safe_text.h"
#include "base/text.h"
#include "cli/launcher/invocation.h"
#include "cli/launcher/plan_cache.h"
#include "cli/launcher/report_sink.h"
#include "cli/launcher/runtime.h"
#include "cli/launcher/spawner.h"
#include "cli/launcher/submit.h"
#include "cli/say.h"
#include "run/job.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

extern char** environ;

namespace moat::launcher {
namespace {

using cli::kMoatFailed;
using cli::Say;

std::string Variable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

// bin/moat -> libexec/moat/moat-cli, wherever both were installed.
std::string ToolPath() {
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (length <= 0) return {};
  std::string path(self, static_cast<std::size_t>(length));
  path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return path + "/libexec/moat/moat-cli";
}

int ExecTool(const std::string& tool, const std::vector<std::string>& args) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  execve(tool.c_str(), argv.data(), environ);
  Say(tool + " cannot be executed: is moat installed completely?");
  return kMoatFailed;
}

std::string WorkingFolder() {
  char path[4096];
  return getcwd(path, sizeof(path)) != nullptr ? path : "/";
}

Error ToolError(std::string message) {
  Error error = SystemError("moat-cli", 0);
  error.message = std::move(message);
  return error;
}

// A failed compilation comes back as the fields of the Error, in order, NUL between them.
Error ReadError(const std::string& answer) {
  std::vector<std::string> fields(1);
  for (const char c : answer) {
    if (c == '\0') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (fields.size() < 9) return ToolError("the plan could not be compiled");
  Error error;
  error.kind = static_cast<ErrorKind>(atoi(fields[0].c_str()) & 3);
  error.call = fields[1];
  error.error_number = atoi(fields[2].c_str());
  error.subject = fields[3];
  error.message = fields[4];
  error.fix = fields[5];
  error.origin = {fields[6], static_cast<std::uint32_t>(atoi(fields[7].c_str())),
                  static_cast<std::uint32_t>(atoi(fields[8].c_str()))};
  return error;
}

// Asks moat-cli for the plan of this command line; the answer comes through a memfd.
Result<std::string> CompilePlan(const std::string& tool, const std::vector<std::string>& args) {
  sys::MemFd answer = MOAT_TRY(sys::memfd_create("moat-plan", 0));
  const pid_t pid = fork();
  if (pid < 0) return SystemError("fork", errno);
  if (pid == 0) {
    fcntl(answer.get(), F_SETFD, 0);
    std::vector<std::string> words = {"moat-cli", "__compile", base::Number(static_cast<std::uint64_t>(answer.get()))};
    words.insert(words.end(), args.begin(), args.end());
    _exit(ExecTool(tool, words));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  lseek(answer.get(), 0, SEEK_SET);
  std::string text = MOAT_TRY(sys::ReadAll(answer, 16 << 20, "moat-plan"));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !text.empty()) return text;
  if (text.empty()) return ToolError("moat-cli ended without an answer");
  return ReadError(text);
}

// The kernel lays argv and the environment out behind each other.
void NoteOwnArguments(run::Job& job, char** argv) {
  char* end = argv[0];
  for (char** word = argv; *word != nullptr; ++word) end = *word + strlen(*word) + 1;
  for (char** word = environ; *word != nullptr; ++word) {
    if (*word == end) end = *word + strlen(*word) + 1;
  }
  job.own_arguments = argv[0];
  job.own_arguments_size = static_cast<std::size_t>(end - argv[0]);
}

run::Job MakeJob(const Invocation& run, const Environment& environment, const ReportSink& sink, char** argv) {
  run::Job job;
  job.after = run::Job::After::kEnds;
  job.detail = sink.wanted() ? run::Job::Detail::kFull : run::Job::Detail::kVerdict;
  NoteOwnArguments(job, argv);
  job.command = run.command;
  job.environment = environment.variables;
  for (const std::string& variable : run.environment) {
    if (variable.find('=') != std::string::npos) {
      job.extra_environment.push_back(variable);
    } else if (getenv(variable.c_str()) != nullptr) {
      job.extra_environment.push_back(variable + "=" + Variable(variable.c_str()));
    }
  }
  job.inputs = run.inputs;
  job.watcher = run.watcher;
  job.output_dir = run.output_dir;
  if (!run.inject.empty()) {
    job.fault.op = static_cast<std::uint32_t>(atoi(run.inject.c_str()));
    const std::size_t colon = run.inject.find(':');
    const std::string what = colon == std::string::npos ? "" : run.inject.substr(colon + 1);
    job.fault.error_number = what.empty() ? EIO : what == "crash" ? abi::kCrashHere : atoi(what.c_str());
  }
  return job;
}

Environment ReadEnvironment() {
  Environment environment;
  environment.path = Variable("PATH");
  environment.cache_home = Variable("XDG_CACHE_HOME");
  environment.home = Variable("HOME");
  for (char** variable = environ; *variable != nullptr; ++variable) environment.variables.emplace_back(*variable);
  return environment;
}

// What a person at a terminal wants to know when it did not end in the program's own way.
void Tell(const Report& report) {
  if (report.cause == Cause::kSetup) {
    Say(base::Printable(report.detail));
  } else if (report.cause != Cause::kExit && report.cause != Cause::kSignal && report.cause != Cause::kCancelled) {
    Say(std::string(CauseName(report.cause)) + ": " + base::Printable(report.detail));
  }
  if (!report.results_lost.empty()) Say("results were lost: " + base::Printable(report.results_lost));
  for (const RefusedOutput& refused : report.refused) {
    Say("output " + base::Quoted(refused.name) + " was not collected: " + base::Printable(refused.why));
  }
  if (report.cause != Cause::kSetup) {
    for (const std::string& hint : report.hints) Say("hint: " + base::Printable(hint));
  }
}

int Finish(const Report& report, ReportSink& sink) {
  Tell(report);
  if (!sink.wanted()) return report.ExitStatus();
  if (auto written = sink.Write(report.ToJson()); !written.ok()) {
    Say("the report could not be written: " + base::Printable(written.error().ToString()));
    return kMoatFailed;
  }
  return report.ExitStatus();
}

// What a plan says, or everything: then it is found out later that it is no plan.
std::uint32_t EnforcedShare(const std::string& plan) {
  abi::Header header;
  if (plan.size() < sizeof(header)) return abi::kEnforceAll;
  memcpy(&header, plan.data(), sizeof(header));
  return header.enforce;
}

Report RunOne(const std::string& plan, const run::Job& job, const Invocation& run) {
  Report report = run::Run(plan, job);
  if (EnforcesNothing(run)) report.side = "off";
  return report;
}

int RunCommand(const std::vector<std::string>& args, const std::string& tool, char** argv) {
  auto parsed = ParseRun(std::vector<std::string>(args.begin() + 2, args.end()));
  if (!parsed.ok()) {
    Say(base::Printable(parsed.error().ToString()));
    return kMoatFailed;
  }
  const Invocation& run = *parsed;
  if (run.help || run.version) return ExecTool(tool, {"moat-cli", run.help ? "help" : "version", "run"});
  std::vector<std::string> watched = {"moat-cli", "__watch"};
  watched.insert(watched.end(), args.begin() + 2, args.end());
  if (run.watch) return ExecTool(tool, watched);
  // The program must not have it, nor anybody who is not told of it.
  if (run.watcher >= 0) fcntl(run.watcher, F_SETFD, FD_CLOEXEC);
  const Environment environment = ReadEnvironment();
  const PlanCache cache(run, environment, WorkingFolder(), tool);
  const std::vector<std::string> words(args.begin() + 2, args.end());
  const std::string kept = cache.Find();
  auto plan = kept.empty() ? CompilePlan(tool, words) : Result<std::string>(kept);
  if (kept.empty() && plan.ok()) cache.Keep(*plan);
  // A job that is only to be reported on has somebody outside who lets its calls go.
  if (plan.ok() && run.watcher < 0 && !base::InShare(KeyOf(run), EnforcedShare(*plan))) return ExecTool(tool, watched);
  auto sink = ReportSink::Open(run.report);
  if (!sink.ok()) {
    Say(base::Printable(sink.error().ToString()));
    return kMoatFailed;
  }
  if (!plan.ok()) return Finish(run::SetupReport(plan.error(), "plan"), *sink);
  run::Job job = MakeJob(run, environment, *sink, argv);
  bool repeatable = true;
  job.repeatable = &repeatable;
  Report report = RunOne(*plan, job, run);
  if (report.cause != Cause::kSetup) return Finish(report, *sink);
  cache.Forget();
  if (kept.empty() || !repeatable) return Finish(report, *sink);
  // The host may have changed in a way that no file tells: once more, with a fresh plan.
  plan = CompilePlan(tool, words);
  if (!plan.ok()) return Finish(run::SetupReport(plan.error(), "plan"), *sink);
  cache.Keep(*plan);
  report = RunOne(*plan, job, run);
  if (report.cause == Cause::kSetup) cache.Forget();
  return Finish(report, *sink);
}

int Main(int argc, char** argv) {
  // A caller may have closed its standard streams: nothing of ours may take their numbers,
  // for what is there is taken for the caller's.
  for (int fd = 0; fd < 3; ++fd) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd) return kMoatFailed;
  }
  // A reader that goes away is noticed by EPIPE, a limit on files by EFBIG.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> args(argv, argv + argc);
  const std::string tool = ToolPath();
  if (args.size() >= 2 && args[1] == "run") return RunCommand(args, tool, argv);
  if (args.size() >= 2 && args[1] == "submit") return Submit({args.begin() + 2, args.end()});
  if (args.size() == 2 && args[1] == "__spawner") {
    ExpectLongLife();
    return Spawner(argv);
  }
  std::vector<std::string> words = args;
  if (words.empty()) words.emplace_back("moat");
  words[0] = "moat-cli";
  return ExecTool(tool, words);
}

}  // namespace
}  // namespace moat::launcher

int main(int argc, char** argv) { _exit(moat::launcher::Main(argc, argv)); }
