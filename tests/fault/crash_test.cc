// The launcher is killed right before each op of the plan: what it leaves behind is removed by
// `moat doctor --clean`, which touches nothing that lives and nothing that is not moat's.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

using nlohmann::json;
using testkit::Caller;

constexpr auto kPace = std::chrono::milliseconds(25);  // a job that gets far installs a filter

testkit::Finished Doctor(Caller caller) {
  testkit::Command command = testkit::Moat(caller).ToCommand({});
  command.argv = {testkit::MoatPath(), "doctor", "--clean", "--json"};
  return testkit::Run(command);
}

bool Names(const json& list, const std::string& group, const char* why = nullptr) {
  for (const auto& each : list) {
    if (why == nullptr ? each == group : each["group"] == group && each["why"] == why) return true;
  }
  return false;
}

bool HasEnded(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

class Crash : public testkit::CallerTest {
 protected:
  void SetUp() override {
    CallerTest::SetUp();
    if (IsSkipped()) return;
    // What a launcher leaves behind becomes a child of this process, where it is seen.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  }

  testkit::Moat Moat() const {
    testkit::Moat moat = AsCaller();
    moat.Input(input_).Output(folder_ / "out").Flag("--best-effort");
    // A group of each kind that there is.
    return moat.Flag("--memory", "64M").Flag("--pids", "50").Flag("--cpu", "20s").Flag("--cpus", "1");
  }
  static std::vector<std::string> Program() { return {testkit::GuestPath("guest_static"), "sparse", "{out}/ran", "4096"}; }

  // Of the plan as the launcher will have it: templates, of one input, are as many.
  std::size_t OpCount() const {
    testkit::Command command = Moat().ToCommand(Program());
    command.argv[1] = "plan";
    command.argv.insert(command.argv.begin() + 2, "--json");
    const json plan = json::parse(testkit::Run(command).out, nullptr, false);
    return plan.is_discarded() ? 0 : plan["ops"].size();
  }

  std::string input_ = folder_.File("input", "text");
};

TEST_P(Crash, AtEveryStepIsCleanedUp) {
  const std::size_t ops = OpCount();
  ASSERT_GT(ops, 100U);
  // From here on the plan is known: moat-cli is not asked for one.
  ASSERT_EQ(Moat().Run(Program()).exit_code(), 0);
  const auto mounts = testkit::MountTable();
  const auto descriptors = testkit::OpenDescriptors();
  std::set<std::string> left;
  std::size_t killed = 0;
  auto next = std::chrono::steady_clock::now();
  for (std::size_t op = 0; op < ops && !HasFailure(); ++op) {
    std::this_thread::sleep_until(next);
    next = std::chrono::steady_clock::now() + kPace;
    SCOPED_TRACE("killed before op " + std::to_string(op));
    testkit::RunningJob job = Moat().WithoutReport().Flag("--inject", std::to_string(op) + ":crash").Start(Program());
    const pid_t launcher = job.pid();
    if (job.AwaitOutput("!")) job.Signal(SIGKILL);  // else it has killed itself
    if (job.Finish().signal() == SIGKILL) ++killed;
    // A process of the job ends with the launcher, by the kernel's hand, and we reap it.
    while (::waitpid(-1, nullptr, __WALL) > 0) {
    }
    EXPECT_EQ(errno, ECHILD);
    left.merge(testkit::CgroupsOfLauncher(launcher));
  }
  EXPECT_EQ(killed, ops);
  std::printf("%zu of %zu launchers killed, %zu groups left\n", killed, ops, left.size());

  const testkit::Finished cleaned = Doctor(GetParam());
  const json answer = json::parse(cleaned.out, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << cleaned.out << cleaned.err;
  for (const std::string& group : left) {
    // Another test's cleaner may have been quicker, which is as good.
    EXPECT_FALSE(std::filesystem::exists(group)) << group << "\n" << cleaned.out;
  }
  EXPECT_EQ(testkit::MountTable(), mounts);
  EXPECT_EQ(testkit::OpenDescriptors(), descriptors);
  // Results are published whole or not at all.
  for (const std::string& file : testkit::FilesBelow(folder_.path())) {
    EXPECT_EQ(file.find(".part"), std::string::npos) << file;
  }
  EXPECT_EQ(Moat().Run(Program()).exit_code(), 0) << "the next job";
}

// Killed while it replaces the results of the run before, one after the other.
TEST_P(Crash, ResultsArriveWholeAndNothingElseStays) {
  const std::string out = folder_ / "out";
  const std::string write = "i=0; while [ $i -lt 400 ]; do echo $1 $i > /out/$i; i=$((i+1)); done";
  const auto run = [&](const std::string& word) {
    return AsCaller().WithoutReport().Output(out).Start({"sh", "-c", write, "sh", word});
  };
  ASSERT_EQ(run("old").Finish().exit_code(), 0);
  const auto names = testkit::FilesBelow(out);
  ASSERT_EQ(names.size(), 400U);
  std::size_t partial = 0;
  for (int round = 0; round < 12; ++round) {
    const std::string word = "round" + std::to_string(round);
    testkit::RunningJob job = run(word);
    // Names are collected in order. No clock: it dies when it has got so far.
    const std::string last = out + "/" + std::vector<std::string>{"0", "1", "10", "100", "200", "300"}.at(static_cast<std::size_t>(round) % 6);
    while (testkit::ReadFile(last).rfind(word, 0) != 0 && !HasEnded(job.pid())) std::this_thread::yield();
    job.Signal(SIGKILL);
    job.Finish();
    std::size_t fresh = 0;
    for (const std::string& name : testkit::FilesBelow(out)) {
      if (names.count(name) == 0) continue;  // one is on its way, and stays there
      const std::string text = testkit::ReadFile(name);
      EXPECT_EQ(text.substr(text.find(' ')), " " + std::filesystem::path(name).filename().string() + "\n") << name;
      if (text.rfind(word, 0) == 0) ++fresh;
    }
    if (fresh > 0 && fresh < names.size()) ++partial;
    testkit::RemoveCgroupsOfLauncher(job.pid());
  }
  EXPECT_GT(partial, 0U) << "no launcher was killed while it collected";
  // Surely there now: as one leaves it that is killed between its two steps.
  testkit::Command left = AsCaller().ToCommand({});
  left.argv = {"/bin/sh", "-c", "echo left > " + out + "/.moat-0.part"};
  ASSERT_EQ(testkit::Run(left).exit_code(), 0);
  EXPECT_EQ(run("last").Finish().exit_code(), 0);
  EXPECT_EQ(testkit::FilesBelow(out), names);
  while (::waitpid(-1, nullptr, __WALL) > 0) {
  }
}

TEST_P(Crash, ALivingJobIsNotTouched) {
  testkit::RunningJob job = Moat().KeepInputOpen().Start({"sh", "-c", "echo here; read line; echo $line"});
  ASSERT_TRUE(job.AwaitOutput("here\n"));
  const auto groups = testkit::CgroupsOfLauncher(job.pid());
  const json answer = json::parse(Doctor(GetParam()).out, nullptr, false);
  ASSERT_TRUE(answer.is_object());
  for (const std::string& group : groups) {
    EXPECT_TRUE(Names(answer["kept"], group, "its launcher lives")) << answer.dump(1);
    EXPECT_TRUE(std::filesystem::exists(group));
  }
  job.CloseInput();
  EXPECT_EQ(job.Finish().exit_code(), 0);
}

MOAT_AS_BOTH_CALLERS(Crash);

class Clean : public testkit::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    parent_ = testkit::OwnMemoryCgroup();
    if (parent_.empty()) GTEST_SKIP() << "no group counts memory here";
  }
  std::string Make(const std::string& name) {
    const std::string group = parent_ + "/" + name;
    EXPECT_EQ(::mkdir(group.c_str(), 0755), 0) << group;
    made_.push_back(group);
    return group;
  }
  void TearDown() override {
    for (const std::string& group : made_) ::rmdir(group.c_str());
  }

  std::string parent_;
  std::vector<std::string> made_;
};

TEST_F(Clean, OnlyWhatIsNamedByMoatAndHeldByNobody) {
  const std::string number = std::to_string(::getpid());
  const std::string stale = Make("moat-" + number + "-00000000aaaa"), trial = Make("moat-probe-" + number + "-1");
  const std::string held = Make("moat-" + number + "-00000000bbbb"), foreign = Make("moat-" + number);
  const std::string full = Make("moat-" + number + "-00000000cccc"), nested = Make("moat-" + number + "-00000000dddd");
  const std::string below = Make("moat-" + number + "-00000000dddd/somebody");
  const sys::Fd lock(::open(held.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_SH | LOCK_NB), 0);
  testkit::Command sleeper;
  sleeper.argv = {"/bin/cat"};
  sleeper.keep_input_open = true;
  testkit::Process process(sleeper);
  ASSERT_TRUE(testkit::WriteFile(full + "/cgroup.procs", std::to_string(process.pid())));

  const json answer = json::parse(Doctor(Caller::kRoot).out, nullptr, false);
  ASSERT_TRUE(answer.is_object());
  EXPECT_TRUE(Names(answer["removed"], stale)) << answer.dump(1);
  EXPECT_TRUE(Names(answer["removed"], trial));
  EXPECT_TRUE(Names(answer["kept"], held, "its launcher lives"));
  EXPECT_TRUE(Names(answer["kept"], full, "a process is in it"));
  for (const std::string& group : {held, foreign, full, nested, below}) EXPECT_TRUE(std::filesystem::exists(group)) << group;
  process.CloseInput();
  process.Finish();
  made_ = {stale, trial, held, foreign, full, below, nested};
}

}  // namespace
}  // namespace moat
