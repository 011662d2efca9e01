// Giving up: a signal to moat ends the job, and moat's own death ends it as well.
#include <csignal>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

// Starts children of every kind, says so, and would stay for ever.
constexpr const char* kStayForEver = "sleep 3000 & setsid sleep 3000 & (trap '' TERM INT; setsid sleep 3000 &) ; echo ready; wait";

class Cancel : public testkit::CallerTest {
 protected:
  // The whole family of a running job, by descriptors that tell when each has ended.
  static std::vector<sys::Fd> HoldFamily(const testkit::RunningJob& job) {
    auto held = testkit::HoldProcesses(testkit::Descendants(job.pid()));
    EXPECT_GE(held.size(), 6U) << "launcher, pid 1, shell, and three that sleep";
    return held;
  }
};

TEST_P(Cancel, ASignalToMoatEndsTheJob) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    auto job = AsCaller().Flag("--grace", "100ms").Start({"sh", "-c", kStayForEver});
    ASSERT_TRUE(job.AwaitOutput("ready"));
    const auto family = HoldFamily(job);
    EXPECT_TRUE(job.Signal(number));
    const testkit::Job done = job.Finish();
    EXPECT_EQ(done.Cause(), "cancelled") << done;
    EXPECT_TRUE(testkit::AwaitEnd(family)) << "a process is left after signal " << number;
  }
}

TEST_P(Cancel, TheProgramMayEndInItsOwnWay) {
  auto job = AsCaller().Flag("--grace", "30s").Output(folder_ / "out").Start(
      {"sh", "-c", "trap 'echo bye; echo partial > /out/p; exit 0' TERM; echo ready; sleep 3000 & wait"});
  ASSERT_TRUE(job.AwaitOutput("ready"));
  EXPECT_TRUE(job.Signal(SIGTERM));
  const testkit::Job done = job.Finish();
  EXPECT_EQ(done.out, "ready\nbye\n") << done;
  EXPECT_EQ(done.Cause(), "cancelled") << done;
  EXPECT_EQ(testkit::ReadFile(folder_ / "out/p"), "partial\n");
}

// T6.35 (concourse#5070): the same at the wall limit.
TEST_P(Cancel, TermComesBeforeKillAtTheWallLimit) {
  const testkit::Job job = testkit::WithAClock(
      [&](const char* clock) {
        return AsCaller().Flag("--wall", clock).Flag("--grace", "60s").Run(
            {"sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; sleep 3000 & wait"});
      },
      [](const testkit::Job& done) { return !done.out.empty(); });
  EXPECT_EQ(job.out, "ready\nbye\n") << job;
  EXPECT_EQ(job.Cause(), "wall") << job;
}

TEST_P(Cancel, TheSecondSignalDoesNotWait) {
  auto job = AsCaller().Flag("--grace", "10m").Start({"sh", "-c", "trap '' TERM INT; echo ready; while :; do sleep 1; done"});
  ASSERT_TRUE(job.AwaitOutput("ready"));
  EXPECT_TRUE(job.Signal(SIGINT));
  EXPECT_TRUE(job.Signal(SIGTERM));
  EXPECT_EQ(job.Finish().Cause(), "cancelled");
}

TEST_P(Cancel, WhenMoatIsKilledNothingSurvives) {
  for (int i = 0; i < 5; ++i) {
    auto job = AsCaller().Start({"sh", "-c", kStayForEver});
    ASSERT_TRUE(job.AwaitOutput("ready"));
    const auto family = HoldFamily(job);
    EXPECT_TRUE(job.Signal(SIGKILL));
    EXPECT_TRUE(testkit::AwaitEnd(family)) << "a process is left";
    EXPECT_EQ(job.Finish().signal(), SIGKILL);
    EXPECT_TRUE(testkit::RemoveCgroupsOfLauncher(job.pid())) << "a group is left, and not empty";
  }
}

// Killed at whatever moment: while it compiles, mounts, clones, waits.
TEST_P(Cancel, WhenMoatIsKilledWhileItStartsNothingSurvives) {
  for (int i = 0; i < 20; ++i) {
    auto job = AsCaller().Start({"sh", "-c", "sleep 3000"});
    std::vector<sys::Fd> family;
    // No clock: as many looks at its children as the round's number, and then the end.
    for (int look = 0; look <= i; ++look) family = testkit::HoldProcesses(testkit::Descendants(job.pid()));
    const uid_t mine = static_cast<uid_t>(0x70000000 + job.pid());
    EXPECT_TRUE(job.Signal(SIGKILL));
    EXPECT_TRUE(testkit::AwaitEnd(family));
    job.Finish();
    if (!is_root()) continue;
    EXPECT_TRUE(testkit::AwaitNoProcessOf(mine)) << "a process of the job is left";
    EXPECT_TRUE(testkit::RemoveCgroupsOfLauncher(job.pid())) << "a group is left, and not empty";
  }
}

// T6.33 (nsjail#226): pid 1 of a namespace ignores what it has no handler for; a program must not.
TEST_P(Cancel, TheProgramIsNotPid1) {
  const testkit::Job job = AsCaller().Run({"sh", "-c", "kill -TERM $$; echo survived"});
  EXPECT_EQ(job.exit_code(), 128 + SIGTERM) << job;
  EXPECT_EQ(job.out, "");
  EXPECT_EQ(job.report["signal"], SIGTERM);
}

TEST_P(Cancel, OtherSignalsArePassedOn) {
  auto job = AsCaller().Start({"sh", "-c", "trap 'echo usr1; exit 0' USR1; echo ready; while :; do sleep 0.05; done"});
  ASSERT_TRUE(job.AwaitOutput("ready"));
  EXPECT_TRUE(job.Signal(SIGUSR1));
  const testkit::Job done = job.Finish();
  EXPECT_EQ(done.out, "ready\nusr1\n");
  EXPECT_EQ(done.Cause(), "exit") << done;
}

MOAT_AS_BOTH_CALLERS(Cancel);

}  // namespace
}  // namespace moat
