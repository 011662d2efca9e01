#include "cli/tool/watch_command.h"

#include <sys/signalfd.h>

#include <cmath>
#include <csignal>
#include <cstdio>

#include "base/hash.h"
#include "base/safe_text.h"
#include "cli/launcher/report_sink.h"
#include "cli/say.h"
#include "cli/tool/compile.h"
#include "cli/tool/in_words.h"
#include "cli/tool/watched_job.h"

namespace moat::tool {
namespace {

using cli::Fail;

sys::Fd TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH}) sigaddset(&taken, number);
  sigprocmask(SIG_BLOCK, &taken, nullptr);
  return sys::Fd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Of `enforce`: only a share of the jobs is enforced, and this one is of the rest.
bool OnlyReports(const launcher::Invocation& run, const policy::Model& model) {
  return !base::InShare(launcher::KeyOf(run), static_cast<std::uint32_t>(std::lround(model.mode.enforce.value * 100)));
}

void Tell(const Report& report, const launcher::Invocation& run) {
  std::uint64_t let_through = 0;
  for (const Denial& denial : report.denials) let_through += denial.action == "reported" ? denial.count : 0;
  if (let_through > 0) {
    std::fprintf(stderr, "moat: report mode: %llu calls that %s refuses were let through\n", static_cast<unsigned long long>(let_through),
                 base::Printable(run.policy).c_str());
  }
  if (!run.watch || !run.report.empty()) return;
  for (const Denial& denial : report.denials) std::fputs(InWords(denial).c_str(), stderr);
}

Result<int> Run(const launcher::Invocation& run) {
  auto sink = MOAT_TRY(launcher::ReportSink::Open(run.report));
  const policy::Model model = MOAT_TRY(LoadModel(run));
  const watch::Rules rules = MOAT_TRY(watch::Rules::Of(model));
  const policy::Model shipped = MOAT_TRY(policy::Load("default", StandardProfiles()));
  const watch::Rules floor = MOAT_TRY(watch::Rules::Of(shipped));
  const sys::Fd signals = TakeSignals();
  WatchedRun wanted;
  wanted.run = run;
  wanted.mode = OnlyReports(run, model) ? watch::Mode::kReport : watch::Mode::kEnforce;
  wanted.floor = &floor;
  for (int i = 0; i < 3; ++i) wanted.standard[i] = i;
  wanted.signals = signals.get();
  WatchedJob job = MOAT_TRY(RunWatched(wanted, rules));
  if (wanted.mode == watch::Mode::kReport) job.report.side = "reported";
  Tell(job.report, run);
  if (sink.wanted()) MOAT_TRY(sink.Write(job.report.ToJson()));
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
