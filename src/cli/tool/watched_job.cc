#include "cli/tool/watched_job.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.h"
#include "sys/calls.h"
#include "watch/symbols.h"
#include "watch/unwinder.h"

extern char** environ;

namespace moat::tool {
namespace {

constexpr std::size_t kMaxReport = 16U << 20;

// The folder of this program, `up` levels above libexec/moat.
std::string OwnFolder(int up) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  std::string path(self, length > 0 ? static_cast<std::size_t>(length) : 0);
  for (; up >= 0; --up) path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  return path;
}

std::string UnwinderPath() { return OwnFolder(0) + "/moat-unwind"; }

std::string Text(int number) { return base::Number(static_cast<std::uint64_t>(number)); }

std::vector<std::string> RunArguments(const launcher::Invocation& run) {
  std::vector<std::string> args = {"moat", "run", "--policy=" + run.policy};
  for (const launcher::PolicyFlag& flag : run.policy_flags) args.push_back("--" + flag.name + "=" + flag.value);
  for (const std::string& input : run.inputs) args.push_back("--input-file=" + input);
  for (const std::string& variable : run.environment) args.push_back("--env=" + variable);
  if (!run.output_dir.empty()) args.push_back("--output-dir=" + run.output_dir);
  if (run.no_cache) args.push_back("--no-cache");
  return args;
}

// What the launcher gets of ours, under the numbers that they have here.
class Actions {
 public:
  Actions() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, usual;
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  ~Actions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;

  void Standard(int number, int fd) {
    if (fd >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, fd, number);
    } else {
      posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0);
    }
  }
  void Keep(int fd) { posix_spawn_file_actions_adddup2(&actions_, fd, fd); }  // clears close-on-exec

  Result<pid_t> Spawn(const std::vector<std::string>& args) {
    std::vector<char*> argv;
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    const std::string program = LauncherPath();
    const int failed = posix_spawn(&pid, program.c_str(), &actions_, &attributes_, argv.data(), environ);
    if (failed != 0) return SystemError("posix_spawn", failed, program);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

struct Launched {
  pid_t pid = 0;
  sys::Pidfd held;
  sys::MemFd report;
};

Result<Launched> Launch(const WatchedRun& wanted, int watcher) {
  Launched launched;
  launched.report = MOAT_TRY(sys::memfd_create("moat-report", 0));
  std::vector<std::string> args = RunArguments(wanted.run);
  args.push_back("--report=fd:" + Text(launched.report.get()));
  Actions actions;
  for (int i = 0; i < 3; ++i) actions.Standard(i, wanted.standard[i]);
  actions.Keep(launched.report.get());
  if (watcher >= 0) {
    args.insert(args.end(), {"--watcher", Text(watcher)});
    actions.Keep(watcher);
  }
  args.push_back("--");
  args.insert(args.end(), wanted.run.command.begin(), wanted.run.command.end());
  launched.pid = MOAT_TRY(actions.Spawn(args));
  launched.held = MOAT_TRY(sys::pidfd_open(launched.pid));
  return launched;
}

Result<Report> Finish(Launched& launched) {
  int status = 0;
  while (waitpid(launched.pid, &status, 0) < 0 && errno == EINTR) {
  }
  lseek(launched.report.get(), 0, SEEK_SET);
  const std::string text = MOAT_TRY(sys::ReadAll(launched.report, kMaxReport, "report"));
  if (text.empty()) return WithFix(HostError("the launcher ended without a report"), "look at what it said above");
  return Report::FromJson(text);
}

void PassOn(int signals, pid_t pid) {
  signalfd_siginfo info;
  while (read(signals, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) kill(pid, static_cast<int>(info.ssi_signo));
}

// Until the launcher has ended. With its job all who could ask are gone.
void Attend(const Launched& launched, const sys::Fd& socket, watch::Watcher& watcher, int signals) {
  watch::Listener listener;
  bool expected = true;
  for (;;) {
    pollfd polls[] = {{launched.held.get(), POLLIN, 0},
                      {expected ? socket.get() : -1, POLLIN, 0},
                      {listener.descriptor(), POLLIN, 0},
                      {signals, POLLIN, 0}};
    if (poll(polls, 4, -1) < 0 && errno != EINTR) return;
    if (polls[1].revents != 0) {
      expected = false;
      auto received = watch::Receive(socket.get());
      if (received.ok()) listener = std::move(*received);
    }
    if ((polls[2].revents & POLLIN) != 0) {
      watcher.Step(listener);
    } else if (polls[2].revents != 0) {
      listener.Close();
    }
    if (polls[3].revents != 0) PassOn(signals, launched.pid);
    if (polls[0].revents != 0) return;
  }
}

bool ComesBeforeDenials(Cause cause) {
  return cause == Cause::kMemory || cause == Cause::kWall || cause == Cause::kCpu || cause == Cause::kCancelled ||
         cause == Cause::kSetup || cause == Cause::kWorkerLost || cause == Cause::kOutput;
}

using Stacks = std::vector<std::vector<watch::UnwoundFrame>>;

// As it was unwound; where that was not possible, what a search has found.
std::vector<std::string> StackOf(const watch::Observation& seen, const watch::Snapshots& snapshots, const Stacks& stacks, watch::Symbols& symbols) {
  std::vector<std::string> frames;
  if (seen.snapshot < stacks.size() && stacks[seen.snapshot].size() > 1) {
    for (const watch::UnwoundFrame& frame : stacks[seen.snapshot]) {
      const std::string place = watch::FrameIn(snapshots.all()[seen.snapshot].code, frame.address);
      frames.push_back(frame.name.empty() ? symbols.Named(place) : frame.name + " in " + place);
    }
    return frames;
  }
  for (const std::string& frame : seen.stack) frames.push_back(symbols.Named(frame));
  return frames;
}

Denial DenialOf(const watch::Observation& seen) {
  Denial denial;
  denial.call = seen.call;
  denial.arguments = seen.arguments;
  denial.rule = seen.rule;
  denial.edit = seen.edit;
  denial.count = seen.count;
  denial.action = seen.action;
  denial.path = seen.path;
  denial.executable = seen.executable;
  denial.thread = seen.thread;
  denial.folder = seen.folder;
  return denial;
}

void TakeRefusals(Report& report, const watch::Watcher& watcher, const policy::Model& model) {
  watch::Symbols symbols(model);
  const auto unwound = watch::Unwind(UnwinderPath(), watcher.snapshots().all(), watcher.snapshots().files());
  const Stacks stacks = unwound.ok() ? *unwound : Stacks();
  report.denial_count = watcher.refusals();
  report.denials.clear();
  std::string deadly;
  for (const watch::Observation& seen : watcher.refused()) {
    report.denials.push_back(DenialOf(seen));
    report.denials.back().stack = StackOf(seen, watcher.snapshots(), stacks, symbols);
    if (seen.action == "kill") deadly += (deadly.empty() ? "" : ", ") + seen.call;
  }
  if (!watcher.killed() || ComesBeforeDenials(report.cause)) return;
  report.cause = Cause::kDenied;
  report.detail = "the filter denied, with death: " + deadly;
}

}  // namespace

std::string LauncherPath() { return OwnFolder(2) + "/bin/moat"; }

Result<WatchedJob> RunWatched(const WatchedRun& wanted, const watch::Rules& rules) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return SystemError("socketpair", errno);
  const sys::Fd ours(ends[0]);
  sys::Fd theirs(ends[1]);
  Launched launched = MOAT_TRY(Launch(wanted, theirs.get()));
  theirs.Close();
  watch::Watcher watcher(rules, wanted.mode, wanted.tell);
  watcher.SetFloor(wanted.floor);
  watcher.Share(wanted.known);
  Attend(launched, ours, watcher, wanted.signals);
  WatchedJob job;
  job.report = MOAT_TRY(Finish(launched));
  TakeRefusals(job.report, watcher, rules.model());
  job.refused = watcher.refused();
  return job;
}

Result<Report> RunPlain(const WatchedRun& wanted) {
  Launched launched = MOAT_TRY(Launch(wanted, -1));
  return Finish(launched);
}

}  // namespace moat::tool
