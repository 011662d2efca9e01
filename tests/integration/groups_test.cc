// Control groups on a pure v2 host: a delegated subtree with its processes in a group below, as
// systemd and container engines lay it out, and an ordinary user in it.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

namespace fs = std::filesystem;

// This program goes into the delegated group for the time of a test; its children are born there.
class Delegated : public testkit::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (IsSkipped()) return;
    const std::string own = testkit::OwnMemoryCgroup();
    if (!fs::exists(own + "/cgroup.procs") || !fs::exists("/sys/fs/cgroup/cgroup.controllers")) GTEST_SKIP() << "no pure cgroup v2";
    home_ = own;
    fs::path above = own;
    while (above != "/sys/fs/cgroup" && !PassesOn(above)) above = above.parent_path();
    if (!PassesOn(above)) GTEST_SKIP() << "no group above ours passes the memory controller on";
    group_ = above / ("test-delegated-" + std::to_string(::getpid()));
    session_ = group_ / "session";
    ASSERT_EQ(::mkdir(group_.c_str(), 0755), 0);
    ASSERT_TRUE(testkit::WriteFile(group_ / "cgroup.subtree_control", "+memory +pids +cpu"));
    ASSERT_EQ(::mkdir(session_.c_str(), 0755), 0);
    for (const fs::path& folder : {group_, session_}) {
      for (const char* name : {"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}) {
        ASSERT_EQ(::chown((folder / name).c_str(), testkit::UserId(), testkit::UserId()), 0);
      }
    }
    ASSERT_TRUE(testkit::WriteFile(session_ / "cgroup.procs", std::to_string(::getpid())));
  }
  void TearDown() override {
    if (home_.empty() || group_.empty()) return;
    EXPECT_TRUE(testkit::WriteFile(home_ / "cgroup.procs", std::to_string(::getpid())));
    EXPECT_EQ(::rmdir(session_.c_str()), 0);
    EXPECT_EQ(::rmdir(group_.c_str()), 0) << "a group is left in it";
  }
  static bool PassesOn(const fs::path& group) {
    return (" " + testkit::ReadFile(group / "cgroup.subtree_control")).find(" memory") != std::string::npos;
  }
  static testkit::Moat User() { return testkit::Moat(testkit::Caller::kUser).Flag("--no-cache"); }

  fs::path home_, group_, session_;
};

TEST_F(Delegated, AUserHasEveryLimit) {
  const testkit::Job job =
      User().Flag("--memory", "64M").Flag("--pids", "20").Flag("--cpu", "20s").Flag("--cpus", "1").Run({"cat", "/proc/self/cgroup"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out, "0::/\n") << "born in its group, and sees no other";
  for (const char* layer : {"memory limit", "pids limit", "cpu limit", "cpus limit"}) {
    const auto layers = job.Layers("enforced");
    EXPECT_NE(std::find(layers.begin(), layers.end(), layer), layers.end()) << layer << "\n" << job;
  }
}

TEST_F(Delegated, TheWholeJobIsCounted) {
  const testkit::Job job = User().Flag("--memory", "32M").Run({"sh", "-c", "head -c 100M /dev/zero | tail -c 100M | wc -c"});
  EXPECT_EQ(job.Cause(), "memory") << job;
}

// T5.27 (nsjail#208)
TEST_F(Delegated, TheOuterLimitHoldsAndIsNamed) {
  ASSERT_TRUE(testkit::WriteFile(group_ / "memory.max", "104857600"));
  const testkit::Job job = User().Flag("--memory", "1G").Run({"python3", "-c", "x=bytearray(300<<20)"});
  EXPECT_EQ(job.Cause(), "memory") << job;
  EXPECT_FALSE(job.Hit("memory")) << job;
  EXPECT_NE(job.report["detail"].get<std::string>().find("limited to 100M"), std::string::npos) << job;
}

TEST_F(Delegated, TheOuterLimitOfProcessesIsNotTheJobs) {
  ASSERT_TRUE(testkit::WriteFile(group_ / "pids.max", "20"));
  const testkit::Job job = User().Flag("--pids", "100").Run({"python3", "-c",
      "import os, signal\n"
      "while True:\n"
      "  try:\n"
      "    if os.fork() == 0: signal.pause()\n"
      "  except OSError: os._exit(3)\n"});
  // Since Linux 6.11 the group around counts it and not the job's.
  if (job.Cause() == "exit") GTEST_SKIP() << "this kernel counts it where the limit is";
  EXPECT_EQ(job.Cause(), "pids") << job;
  EXPECT_FALSE(job.Hit("pids")) << job;
  EXPECT_NE(job.report["detail"].get<std::string>().find("a control group around moat"), std::string::npos) << job;
}

TEST_F(Delegated, ALimitOfTheCallersOwnGroupIsNotEvaded) {
  ASSERT_TRUE(testkit::WriteFile(session_ / "memory.max", "1073741824"));
  const testkit::Job job = User().Flag("--memory", "64M").Run({"echo", "ran"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "");
  EXPECT_NE(job.err.find("would evade its memory.max"), std::string::npos) << job;
  // A default is content with less, and says so.
  const testkit::Job other = User().Run({"echo", "ran"});
  EXPECT_EQ(other.out, "ran\n") << other;
  const auto degraded = other.Layers("degraded");
  EXPECT_NE(std::find(degraded.begin(), degraded.end(), "memory limit"), degraded.end()) << other;
}

// A plan that is remembered was allowed to leave the group, which had no limit then.
TEST_F(Delegated, ALimitThatComesLaterIsNotEvadedEither) {
  const auto run = [] { return testkit::Moat(testkit::Caller::kUser).Flag("--memory", "63M").Run({"echo", "ran"}); };
  ASSERT_EQ(run().out, "ran\n");
  ASSERT_EQ(run().out, "ran\n");
  ASSERT_TRUE(testkit::WriteFile(session_ / "memory.max", "1073741824"));
  const testkit::Job refused = run();
  EXPECT_EQ(refused.exit_code(), 125) << refused;
  EXPECT_NE(refused.err.find("would evade its memory.max"), std::string::npos) << refused;
  ASSERT_TRUE(testkit::WriteFile(session_ / "memory.max", "max"));
  EXPECT_EQ(run().out, "ran\n");
}

}  // namespace
}  // namespace moat
