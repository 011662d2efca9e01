// The launcher is killed at any moment: every process of the job goes with it, and the next
// job starts as if nothing had been. Control groups may stay behind, empty; they are listed.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kRuns = 50;
constexpr microseconds kLongestStart = milliseconds(40);
// Only ends what would never: a pid 1 that is killed while it makes a network namespace first
// waits for the kernel's lock on them, which the removal of the ones before it holds.
constexpr milliseconds kLongestEnd = std::chrono::seconds(20);

// Every process below this one that is left, reaped as it ends.
bool AwaitNobody() {
  const auto deadline = steady_clock::now() + kLongestEnd;
  while (steady_clock::now() < deadline) {
    const pid_t pid = ::waitpid(-1, nullptr, WNOHANG | __WALL);
    if (pid < 0) return true;  // ECHILD
    if (pid == 0) std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

// What is left, for people: a name and where in the kernel it waits.
std::string Survivors() {
  std::string text;
  for (const pid_t pid : testkit::Descendants(::getpid())) {
    if (pid == ::getpid()) continue;
    const std::string process = "/proc/" + std::to_string(pid);
    text += "\n" + process + ": " + testkit::ReadFile(process + "/stat") + testkit::ReadFile(process + "/wchan");
  }
  return text;
}

class Kill : public testkit::CallerTest {
 protected:
  void SetUp() override {
    CallerTest::SetUp();
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  }
  testkit::Moat WithInput() {
    // Only its owner may read it: for root's jobs a namespace for its ids is made.
    const std::string input = folder_.File("input", "text", is_root() ? 0600 : 0644);
    return AsCaller().Input(input).WithoutReport();
  }
};

TEST_P(Kill, OfTheLauncherEndsTheJob) {
  std::mt19937 random(7);
  const auto mounts = testkit::MountTable();
  // From here on the plan is known: moat-cli, which belongs to no job and cleans up behind its
  // trials, is not asked for one.
  ASSERT_EQ(WithInput().Run({"sleep", "0"}).exit_code(), 0);
  int left = 0;
  for (int run = 0; run < kRuns; ++run) {
    const microseconds delay(static_cast<int>(random() % kLongestStart.count()));
    SCOPED_TRACE("run " + std::to_string(run) + ", killed after " + std::to_string(delay.count()) + " us");
    {
      testkit::RunningJob job = WithInput().Start({"sleep", "600"});
      const pid_t launcher = job.pid();
      std::this_thread::sleep_for(delay);
      ASSERT_TRUE(job.Signal(SIGKILL));
      ASSERT_EQ(::waitpid(launcher, nullptr, 0), launcher);
      EXPECT_TRUE(AwaitNobody()) << "a process outlived its launcher:" << Survivors();
      for (const std::string& group : testkit::CgroupsOfLauncher(launcher)) {
        std::printf("left behind: %s\n", group.c_str());
        ++left;
      }
      EXPECT_TRUE(testkit::RemoveCgroupsOfLauncher(launcher)) << "a group is left, and not empty";
    }
    if (run % 10 != 0) continue;
    EXPECT_EQ(WithInput().Run({"sleep", "0"}).exit_code(), 0) << "the next job";
  }
  std::printf("%d groups of %d killed launchers are left\n", left, kRuns);
  EXPECT_EQ(testkit::MountTable(), mounts);
  EXPECT_EQ(WithInput().Run({"sleep", "0"}).exit_code(), 0);
}

MOAT_AS_BOTH_CALLERS(Kill);

}  // namespace
}  // namespace moat
