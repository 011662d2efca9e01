// What the library does to the process that uses it, and what becomes of helpers: threads,
// signals, descriptors, forks, sudden ends.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "api/testing.h"
#include "moat/sandbox.h"
#include "sys/calls.h"
#include "sys/fd.h"

namespace moat {
namespace {

using testing::Folder;
using testing::HelpersOf;
using testing::MakePolicy;
using testing::MustRun;
using testing::OpenDescriptors;
using testing::Shell;

// Waits without a clock of its own for what must come; false after two minutes.
bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 24'000; ++i) {
    if (condition()) return true;
    usleep(5000);
  }
  return false;
}

// Ended, whether or not its new parent has looked.
bool IsGone(int pid) {
  const std::string stat = testing::Slurp("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

// Runs a function in a forked child, which exits 0 when no expectation failed there.
pid_t InChild(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  body();
  _exit(::testing::Test::HasFailure() ? 1 : 0);
}

std::size_t DescriptorsOf(int pid) { return OpenDescriptors(std::to_string(pid)).size(); }

bool Sleeps(int pid) { return testing::Slurp("/proc/" + std::to_string(pid) + "/stat").find(") S ") != std::string::npos; }

// Behind each answer the helper bears the next jobs' pid 1, and then sleeps: with these children, and
// without a zombie. Each sleeps until its program has executed; what it waits for before is no sleep (state D).
bool IsAtRest(int helper) {
  const std::string pid = std::to_string(helper);
  std::istringstream children(testing::Slurp("/proc/" + pid + "/task/" + pid + "/children"));
  int count = 0;
  for (int child = 0; children >> child; ++count) {
    if (!Sleeps(child)) return false;
  }
  return count > 0 && Sleeps(helper);
}

int WaitFor(pid_t child) {
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

std::atomic<int> children_signalled{0};

TEST(Host, ManyThreadsShareASandbox) {
  struct sigaction action{}, before{};
  action.sa_handler = [](int) { ++children_signalled; };
  ASSERT_EQ(sigaction(SIGCHLD, &action, &before), 0);
  {
    Sandbox sandbox(MakePolicy());
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          const std::string text = std::to_string(t) + "." + std::to_string(i);
          Command command = Shell("echo " + text + "; exit " + std::to_string(i));
          auto outcome = sandbox.Run(command);
          if (outcome.ok() && outcome->out == text + "\n" && outcome->report.exit_code == i) ++good;
          usleep(40'000);  // a rate that the kernel's filter code bears
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(good, 160);
    EXPECT_LE(HelpersOf(getpid()).size(), 8u);
    EXPECT_FALSE(HelpersOf(getpid()).empty());
  }
  EXPECT_TRUE(HelpersOf(getpid()).empty());
  EXPECT_EQ(children_signalled, 0);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);  // no child was left to us
  sigaction(SIGCHLD, &before, nullptr);
}

TEST(Host, ItsSignalSettingsDoNotReachTheJob) {
  struct sigaction ignore{}, before_pipe{}, before_child{};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(sigaction(SIGPIPE, &ignore, &before_pipe), 0);
  ASSERT_EQ(sigaction(SIGCHLD, &ignore, &before_child), 0);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  Sandbox sandbox(MakePolicy());
  const Outcome outcome = MustRun(sandbox, Shell("grep -E 'SigIgn|SigBlk' /proc/self/status"));
  EXPECT_EQ(outcome.out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") << outcome.report.Summary();
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, &before, &now);
  EXPECT_EQ(sigismember(&now, SIGUSR1), 1);
  EXPECT_EQ(sigismember(&now, SIGTERM), 0);
  struct sigaction after{};
  sigaction(SIGPIPE, &before_pipe, &after);
  EXPECT_EQ(after.sa_handler, SIG_IGN);
  sigaction(SIGCHLD, &before_child, nullptr);
}

std::string TargetOf(const std::string& process, int fd) {
  char target[256];
  const ssize_t length = readlink(("/proc/" + process + "/fd/" + std::to_string(fd)).c_str(), target, sizeof(target));
  return std::string(target, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
}

TEST(Host, DescriptorsOfOursDoNotReachTheHelper) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, 0), 0);  // inheritable
  const sys::Fd read_end(ends[0]), write_end(ends[1]);
  Sandbox sandbox(MakePolicy());
  MustRun(sandbox, Shell("true"));
  const std::vector<int> helpers = HelpersOf(getpid());
  ASSERT_EQ(helpers.size(), 1u);
  std::vector<int> held = OpenDescriptors(std::to_string(helpers[0]));
  const std::string ours = TargetOf("self", ends[0]);
  ASSERT_EQ(ours.rfind("pipe:", 0), 0u) << ours;
  std::sort(held.begin(), held.end());
  EXPECT_EQ(std::vector<int>(held.begin(), held.begin() + 5), (std::vector<int>{0, 1, 2, 3, 4}));
  for (const int fd : held) EXPECT_NE(TargetOf(std::to_string(helpers[0]), fd), ours);
}

// The next job's pid 1 is given an eventfd to say by that nobody is left, unless results are collected.
bool HoldsEventfd(int helper) {
  for (const int fd : OpenDescriptors(std::to_string(helper))) {
    char target[256];
    const std::string link = "/proc/" + std::to_string(helper) + "/fd/" + std::to_string(fd);
    const ssize_t length = readlink(link.c_str(), target, sizeof(target));
    if (length > 0 && std::string_view(target, static_cast<std::size_t>(length)).find("[eventfd]") != std::string_view::npos) return true;
  }
  return false;
}

TEST(Host, ResultsDoNotDependOnTheWordOfPid1) {
  const Folder folder;
  for (const bool collects : {false, true}) {
    Sandbox sandbox(MakePolicy());
    Command command = Shell(collects ? "echo x > {out}/o" : "true");
    if (collects) command.output_dir = folder / "out";
    MustRun(sandbox, command);
    const std::vector<int> helpers = HelpersOf(getpid());
    ASSERT_EQ(helpers.size(), 1u);
    EXPECT_TRUE(Eventually([&] { return IsAtRest(helpers[0]); }));
    EXPECT_EQ(HoldsEventfd(helpers[0]), !collects);
  }
}

TEST(Host, NothingGrows) {
  const Folder folder;
  const std::string input = folder.Write("in", "x");
  Sandbox sandbox(MakePolicy());
  Command command = Shell("cat /in/in > {out}/o");
  command.inputs = {{input, ""}};
  command.output_dir = folder / "out";
  const auto mounts = [](int pid) { return testing::Slurp("/proc/" + std::to_string(pid) + "/mountinfo"); };
  const auto memory = [](int pid) {
    const std::string text = testing::Slurp("/proc/" + std::to_string(pid) + "/statm");
    return atol(text.c_str());
  };
  for (int i = 0; i < 10; ++i) MustRun(sandbox, command);  // what is kept for good
  const std::vector<int> helpers = HelpersOf(getpid());
  ASSERT_EQ(helpers.size(), 1u);
  const int helper = helpers[0];
  EXPECT_TRUE(Eventually([&] { return IsAtRest(helper); }));
  const auto ours = OpenDescriptors().size();
  // A jail that waits has some fifty of its making until the helper has the time to close them: whenever it is asked something.
  const auto tidy = [&] {
    EXPECT_TRUE(sandbox.Prepare(command, 1).ok());
    EXPECT_TRUE(Eventually([&] { return IsAtRest(helper); }));
    return DescriptorsOf(helper);
  };
  std::size_t theirs = tidy();
  for (int i = 0; i < 5; ++i) theirs = std::min(theirs, tidy());
  const std::string mounted = mounts(helper);
  // What is lost with each job is lost in every window; what the allocator takes when two jobs happen to
  // overlap, is not.
  long least = LONG_MAX;
  for (int window = 0; window < 4; ++window) {
    const long pages = memory(helper);
    for (int i = 0; i < 75; ++i) {
      EXPECT_EQ(MustRun(sandbox, command).report.exit_code, 0);
      usleep(2000);
    }
    least = std::min(least, memory(helper) - pages);
  }
  EXPECT_EQ(HelpersOf(getpid()), helpers);
  EXPECT_EQ(OpenDescriptors().size(), ours);
  EXPECT_TRUE(Eventually([&] { return IsAtRest(helper); }));
  EXPECT_TRUE(Eventually([&] { return tidy() <= theirs; })) << DescriptorsOf(helper) << " instead of " << theirs;
  EXPECT_EQ(mounts(helper), mounted);
  EXPECT_LE(least, 0);
}

std::string ChildrenOf(int pid) {
  const std::string number = std::to_string(pid);
  return testing::Slurp("/proc/" + number + "/task/" + number + "/children");
}

TEST(Helpers, HaveAJailReadyWhenAsked) {
  Sandbox sandbox(testing::MakePolicy());
  Command command;
  command.argv = {"true"};
  const Status prepared = sandbox.Prepare(command, 2);
  ASSERT_TRUE(prepared.ok()) << prepared.error().ToString();
  const std::vector<int> helpers = HelpersOf(getpid());
  ASSERT_EQ(helpers.size(), 2U);
  for (const int helper : helpers) EXPECT_TRUE(Eventually([&] { return IsAtRest(helper); })) << helper;
  // One that is young stays.
  const std::string before = ChildrenOf(helpers[0]);
  ASSERT_TRUE(sandbox.Prepare(command, 2).ok());
  for (const int helper : helpers) EXPECT_TRUE(Eventually([&] { return IsAtRest(helper); })) << helper;
  EXPECT_EQ(ChildrenOf(helpers[0]), before);
  auto report = sandbox.Run({"true"});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->exit_code, 0) << report->detail;
  EXPECT_EQ(HelpersOf(getpid()), helpers);
  command.argv = {"no-such-program"};
  EXPECT_FALSE(sandbox.Prepare(command, 1).ok());
  // A jail of another plan takes the place of the one that waits.
  command.argv = {"cat"};
  ASSERT_TRUE(sandbox.Prepare(command, 2).ok());
  for (const int helper : helpers) {
    EXPECT_TRUE(Eventually([&] { return IsAtRest(helper) && ChildrenOf(helper) != before; })) << helper;
  }
  report = sandbox.Run({"true"});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->exit_code, 0) << report->detail;
}

TEST(Helpers, AKilledOneIsReplacedWhenIdle) {
  Sandbox sandbox(MakePolicy());
  MustRun(sandbox, Shell("true"));
  const std::vector<int> helpers = HelpersOf(getpid());
  ASSERT_EQ(helpers.size(), 1u);
  kill(helpers[0], SIGKILL);
  ASSERT_TRUE(Eventually([&] { return IsGone(helpers[0]); }));
  EXPECT_EQ(MustRun(sandbox, Shell("echo again")).out, "again\n");
}

TEST(Helpers, AKilledOneIsACauseInTheMiddleOfAJob) {
  Sandbox sandbox(MakePolicy());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd read_end(ends[0]), write_end(ends[1]);
  Command command = Shell("echo part; echo ready >&2; sleep 60");
  command.err = Stream::Descriptor(write_end.get());
  std::thread other([&] {
    char byte;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 1);
    for (const int helper : HelpersOf(getpid())) kill(helper, SIGKILL);
  });
  const Outcome outcome = MustRun(sandbox, command);
  other.join();
  EXPECT_EQ(outcome.report.cause, Cause::kWorkerLost) << outcome.report.Summary();
  EXPECT_EQ(outcome.report.ExitStatus(), 125);
  EXPECT_EQ(outcome.report.policy_name, "default");
  EXPECT_EQ(outcome.out, "part\n");
  EXPECT_EQ(MustRun(sandbox, Shell("echo again")).out, "again\n");
}

// Puts the pids of the host's helpers into a pipe while a job runs, then ends without a word.
void HostThatDies(int tell) {
  Sandbox sandbox(MakePolicy({{"grace", "100ms"}}));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) _exit(2);
  std::thread job([&] {
    Command command = Shell("echo ready >&2; sleep 60");
    command.err = Stream::Descriptor(ends[1]);
    (void)sandbox.Run(command).ok();
  });
  char byte;
  if (read(ends[0], &byte, 1) != 1) _exit(2);
  const std::vector<int> helpers = HelpersOf(getpid());
  if (helpers.size() == 1) (void)!write(tell, &helpers[0], sizeof(int));
  kill(getpid(), SIGKILL);
}

TEST(Helpers, EndWithTheHostAlthoughAJobRuns) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd read_end(ends[0]);
  sys::Fd write_end(ends[1]);
  const pid_t host = InChild([&] { HostThatDies(write_end.get()); });
  write_end.Close();
  int helper = 0;
  ASSERT_EQ(read(read_end.get(), &helper, sizeof(helper)), static_cast<ssize_t>(sizeof(helper)));
  EXPECT_TRUE(WIFSIGNALED(WaitFor(host)));
  EXPECT_TRUE(Eventually([&] { return IsGone(helper); }));
}

TEST(Helpers, EndWithTheHostAlthoughAForkOfItLives) {
  int ends[2], hold[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(hold, O_CLOEXEC), 0);
  const sys::Fd read_end(ends[0]), release_end(hold[0]);
  sys::Fd write_end(ends[1]), hold_end(hold[1]);
  const pid_t host = InChild([&] {
    Sandbox sandbox(MakePolicy());
    MustRun(sandbox, Shell("true"));
    std::vector<int> helpers;
    EXPECT_TRUE(Eventually([&] { return (helpers = HelpersOf(getpid())).size() == 1; }));
    hold_end.Close();
    if (fork() == 0) {  // has a copy of the socket until the test is over
      char byte;
      write_end.Close();  // or the test would wait for a number that nobody sends
      (void)!read(release_end.get(), &byte, 1);
      _exit(0);
    }
    if (helpers.size() == 1) (void)!write(write_end.get(), &helpers[0], sizeof(int));
    kill(getpid(), SIGKILL);
  });
  write_end.Close();
  int helper = 0;
  ASSERT_EQ(read(read_end.get(), &helper, sizeof(helper)), static_cast<ssize_t>(sizeof(helper)));
  WaitFor(host);
  EXPECT_TRUE(Eventually([&] { return IsGone(helper); }));
}

TEST(Helpers, AreNotSharedWithAFork) {
  Sandbox sandbox(MakePolicy());
  MustRun(sandbox, Shell("true"));
  const std::vector<int> helpers = HelpersOf(getpid());
  const pid_t child = InChild([&] {
    EXPECT_EQ(MustRun(sandbox, Shell("echo child")).out, "child\n");
    EXPECT_EQ(HelpersOf(getpid()).size(), 1u);
  });
  EXPECT_EQ(WaitFor(child), 0);
  EXPECT_EQ(MustRun(sandbox, Shell("echo parent")).out, "parent\n");
  EXPECT_EQ(HelpersOf(getpid()), helpers);
}

TEST(Helpers, AreReapedByASubreaper) {
  const pid_t child = InChild([] {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    {
      Sandbox sandbox(MakePolicy());
      EXPECT_EQ(MustRun(sandbox, Shell("echo x")).out, "x\n");
    }
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  });
  EXPECT_EQ(WaitFor(child), 0);
}

TEST(Helpers, AreFewerThanAsked) {
  Sandbox sandbox(MakePolicy(), {"", "/bin", 0});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(MustRun(sandbox, Shell("echo x")).out, "x\n");
  EXPECT_TRUE(HelpersOf(getpid()).empty());
}

TEST(Unprivileged, RunsManyJobsInOneHelper) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const Folder folder;
  folder.Write("in", "input");
  std::filesystem::create_directory(folder / "out");
  ASSERT_EQ(chown((folder / "out").c_str(), 54321, 54321), 0);
  ASSERT_EQ(chown((folder / "in").c_str(), 54321, 54321), 0);
  const pid_t child = InChild([&] {
    ASSERT_EQ(setresgid(54321, 54321, 54321), 0);
    ASSERT_EQ(setresuid(54321, 54321, 54321), 0);
    prctl(PR_SET_DUMPABLE, 1);  // as after an exec
    auto policy = Policy::Parse("moat = 1\nbase = \"default\"\n[mode]\nbest_effort = true\n", "test");
    ASSERT_TRUE(policy.ok()) << policy.error().ToString();
    Sandbox sandbox(*policy);
    const sys::Fd file(open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC));
    Command command = Shell("cat /in/in /in/again; cp /in/in {out}/o");
    command.inputs = {{folder / "in", ""}, {"", "again", file.get()}};
    command.output_dir = folder / "out";
    for (int i = 0; i < 10; ++i) {
      const Outcome outcome = MustRun(sandbox, command);
      EXPECT_EQ(outcome.out, "inputinput") << outcome.report.Summary() << outcome.err;
      const std::vector<int> helpers = HelpersOf(getpid());
      ASSERT_EQ(helpers.size(), 1u);
      EXPECT_TRUE(Eventually([&] { return IsAtRest(helpers[0]); }));
    }
    EXPECT_EQ(folder.Read("out/o"), "input");
  });
  EXPECT_EQ(WaitFor(child), 0);
}

}  // namespace
}  // namespace moat
