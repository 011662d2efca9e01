#include "cli/tool/watch_command.h"

#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>

#include "base/safe_text.h"
#include "cli/launcher/report_sink.h"
#include "cli/tool/compile.h"
#include "cli/tool/explain.h"
#include "cli/tool/watched_job.h"

namespace moat::tool {
namespace {

constexpr int kMoatFailed = 125;

int Fail(const Error& error) {
  std::fprintf(stderr, "moat: %s\n", base::Printable(error.ToString()).c_str());
  return kMoatFailed;
}

sys::Fd TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH}) sigaddset(&taken, number);
  sigprocmask(SIG_BLOCK, &taken, nullptr);
  return sys::Fd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<int> Run(const launcher::Invocation& run) {
  auto sink = MOAT_TRY(launcher::ReportSink::Open(run.report));
  const policy::Model model = MOAT_TRY(LoadModel(run));
  const watch::Rules rules = MOAT_TRY(watch::Rules::Of(model));
  const sys::Fd signals = TakeSignals();
  WatchedRun wanted;
  wanted.run = run;
  for (int i = 0; i < 3; ++i) wanted.standard[i] = i;
  wanted.signals = signals.get();
  const WatchedJob job = MOAT_TRY(RunWatched(wanted, rules));
  if (sink.wanted()) {
    MOAT_TRY(sink.Write(job.report.ToJson()));
  } else {
    for (const Denial& denial : job.report.denials) std::fputs(InWords(denial).c_str(), stderr);
  }
  return job.report.ExitStatus();
}

}  // namespace

int WatchCommand(const std::vector<std::string>& args) {
  auto run = launcher::ParseRun(args);
  if (!run.ok()) return Fail(run.error());
  auto status = Run(*run);
  return status.ok() ? *status : Fail(status.error());
}

}  // namespace moat::tool
