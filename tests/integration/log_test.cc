// What other sandboxes' users ran into, as far as no other file has it: tests/log_entries.txt leads
// from each complaint to its test.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

using testkit::GuestPath;
using testkit::Job;

constexpr std::size_t kMiB = 1 << 20;

class Log : public testkit::CallerTest {
 protected:
  Job Shell(const std::string& script) { return AsCaller().Run({"sh", "-c", script}); }
};
class LogByGroups : public testkit::RootTest {
 protected:
  static testkit::Moat Root() { return testkit::Moat(testkit::Caller::kRoot); }
  static bool Lacks(const Job& job) { return job.Cause() == "setup"; }
};

#define SKIP_WITHOUT_CONTROLLER(job) \
  if (Lacks(job)) GTEST_SKIP() << "no such controller: " << (job).report["detail"]

// T2.15 (go-judge#186): 800 MB of its image, which is killed wherever it first touches them.
TEST_F(LogByGroups, AnImageThatIsTooLargeIsMemory) {
  const Job job = Root().Flag("--memory", "64M").Run({GuestPath("guest_static"), "touch", "800"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "memory") << job;
  EXPECT_EQ(job.report["signal"], SIGKILL) << job;
}

// T3.16 (nodejs/node#56596). Reserves gigabytes.
TEST_P(Log, WebAssemblyRunsUnderItsLimit) {
  if (::access("/usr/bin/node", X_OK) != 0) GTEST_SKIP() << "no node on this machine";
  testkit::Moat moat = AsCaller();
  if (is_root()) moat.Flag("--memory", "512M").Flag("--best-effort");
  const Job job = moat.Run({"node", "-e", "new WebAssembly.Memory({initial:10,maximum:100})"});
  EXPECT_EQ(job.exit_code(), 0) << job;
}

// The same without node: 64 GiB reserved, 10 MiB of them used.
TEST_P(Log, WhatIsOnlyReservedIsNoMemory) {
  const Job job = AsCaller().Run({"python3", "-c",
      "import mmap\nm = mmap.mmap(-1, 64<<30, flags=mmap.MAP_PRIVATE|mmap.MAP_ANONYMOUS|0x4000, prot=mmap.PROT_READ)\n"
      "x = bytearray(10<<20)\nprint(m[1<<35])"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out, "0\n");
}

// T3.18 (sandlock#222), its other half: reserved, then opened for writing, then touched.
TEST_F(LogByGroups, WhatWasReservedAndIsTouchedIsMemory) {
  const Job job = Root().Flag("--memory", "64M").Run({GuestPath("guest_static"), "touch", "300", "later"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "memory") << job;
}

// T3.19 (go-sandbox#14): tiny limits work, or tell the least that is possible.
TEST_F(LogByGroups, TinyLimitsWorkOrSayTheMinimum) {
  const Job job = Root().Flag("--memory", "4M").Run({GuestPath("guest_static"), "true"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_EQ(job.exit_code(), 0) << job;
  const Job least = Root().Flag("--memory", "1M").Run({GuestPath("guest_static"), "true"});
  EXPECT_EQ(least.exit_code(), 0) << least;
  const Job less = Root().Flag("--memory", "1000K").Run({GuestPath("guest_static"), "true"});
  EXPECT_EQ(less.Cause(), "setup") << less;
  EXPECT_NE(less.err.find("the minimum is 1M"), std::string::npos) << less;
}

// T5.26 (isolate#174, judge0#549): every limit, on whatever layout this is.
TEST_F(LogByGroups, AllLimitsAtOnceAreEnforced) {
  const Job job = Root().Flag("--memory", "64M").Flag("--pids", "20").Flag("--cpu", "20s").Flag("--cpus", "1").Run({"true"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.exit_code(), 0) << job;
  const auto enforced = job.Layers("enforced");
  for (const char* layer : {"memory limit", "pids limit", "cpu limit", "cpus limit"}) {
    EXPECT_NE(std::find(enforced.begin(), enforced.end(), layer), enforced.end()) << layer << "\n" << job;
  }
  EXPECT_TRUE(job.report["memory_peak"]["anonymous"].is_number()) << job;
  EXPECT_TRUE(job.report["pids_peak"].is_number()) << job;
}

// T5.27 (nsjail#208): moat itself is in a group with a limit, which holds for its jobs as well.
class InALimitedGroup : public LogByGroups {
 protected:
  void SetUp() override {
    LogByGroups::SetUp();
    if (IsSkipped()) return;
    home_ = testkit::OwnMemoryCgroup();
    if (!std::filesystem::exists(home_ + "/memory.limit_in_bytes")) GTEST_SKIP() << "no cgroup v1 with memory: groups_test.cc has v2";
    group_ = home_ + "/test-outer-" + std::to_string(::getpid());
    ASSERT_EQ(::mkdir(group_.c_str(), 0755), 0);
    ASSERT_TRUE(testkit::WriteFile(group_ + "/memory.limit_in_bytes", "104857600"));
    ASSERT_TRUE(testkit::WriteFile(group_ + "/cgroup.procs", std::to_string(::getpid())));
  }
  void TearDown() override {
    if (group_.empty()) return;
    EXPECT_TRUE(testkit::WriteFile(home_ + "/cgroup.procs", std::to_string(::getpid())));
    EXPECT_EQ(::rmdir(group_.c_str()), 0) << "a group is left in it";
  }
  std::string home_, group_;
};

TEST_F(InALimitedGroup, TheNestedLimitIsTheJobs) {
  const Job job = Root().Flag("--no-cache").Flag("--memory", "32M").Run({"python3", "-c", "x=bytearray(300<<20)"});
  EXPECT_EQ(job.Cause(), "memory") << job;
  EXPECT_TRUE(job.Hit("memory")) << job;
}

TEST_F(InALimitedGroup, TheOuterLimitHoldsAndIsNamed) {
  const Job job = Root().Flag("--no-cache").Flag("--memory", "1G").Run({"python3", "-c", "x=bytearray(300<<20)"});
  EXPECT_EQ(job.Cause(), "memory") << job;
  EXPECT_FALSE(job.Hit("memory")) << "not its own limit: " << job;
  EXPECT_NE(job.report["detail"].get<std::string>().find("limited to 100M"), std::string::npos) << job;
}

// T6.30 (cpython#76116), the wall limit of the complaint: it is not even reached.
TEST_P(Log, AGrandchildWithThePipeDoesNotReachTheWallLimit) {
  const Job job = AsCaller().Flag("--wall", "20s").Run({"sh", "-c", "sleep 3000 & echo hi"});
  EXPECT_EQ(job.out, "hi\n");
  EXPECT_EQ(job.Cause(), "exit") << job;
}

// T6.31 (pc2v9#810): whoever was in the job's pid namespace has ended when moat has returned, not later.
TEST_P(Log, NobodyOutlivesTheCall) {
  auto job = AsCaller().KeepInputOpen().Start({"sh", "-c",
      "setsid sh -c 'while :; do sleep 1; done' & setsid sleep 3000 & (sh -c 'kill -STOP $$' &) ; echo ready; read line"});
  ASSERT_TRUE(job.AwaitOutput("ready"));
  std::vector<pid_t> inside = testkit::Descendants(job.pid());
  std::erase(inside, job.pid());
  EXPECT_GE(inside.size(), 4U);
  const auto held = testkit::HoldProcesses(inside);
  job.CloseInput();
  job.Finish();
  for (const pid_t pid : inside) EXPECT_EQ(testkit::ReadFile("/proc/" + std::to_string(pid) + "/stat"), "") << "still there";
  EXPECT_TRUE(testkit::AwaitEnd(held));
}

// T6.36 (sunwalker-box#10): the pile ends at the default limit, and moat keeps nothing of it.
TEST_P(Log, APileOfProcessesDoesNotReachMoat) {
  auto job = AsCaller().Flag("--wall", "60m").KeepInputOpen().Start({"python3", "-c",
      "import os, signal, sys\nn = 0\n"
      "try:\n  while os.fork(): n += 1\n  signal.pause()\n"
      "except OSError:\n  print('full', flush=True)\n  sys.stdin.read()\n"});
  ASSERT_TRUE(job.AwaitOutput("full"));
  EXPECT_LE(testkit::Descendants(job.pid()).size(), 259U) << "256, pid 1 and the launcher";
  const std::string folder = "/proc/" + std::to_string(job.pid()) + "/fd";
  EXPECT_LT(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()), 40);
  job.CloseInput();
  EXPECT_EQ(job.Finish().Cause(), "exit");
}

// T7.38 (sandlock#149)
TEST_P(Log, AMebibyteComesWhole) {
  const Job job = Shell("head -c 1M /dev/zero");
  EXPECT_EQ(job.out.size(), kMiB) << job.report;
}

// T7.42 (piston#629): the end of the program and of its allowance at the same moment.
TEST_P(Log, ALimitThatIsReachedByTheLastByteIsAlwaysTold) {
  constexpr int kRounds = 300;
  for (int i = 0; i < kRounds; ++i) {
    const Job job = AsCaller().Flag("--stdout", "4K").Run({GuestPath("guest_static"), "spew", "4097", "0"});
    ASSERT_EQ(job.Cause(), "output") << "round " << i << ": " << job;
    ASSERT_EQ(job.out.size(), 4096U);
  }
}

// T11.65 (ImageMagick#1167)
TEST_P(Log, BigTemporaryFilesEndWithTheJob) {
  const Job job = AsCaller().Flag("--wall", "1s").Flag("--grace", "0s").Run({"sh", "-c", "head -c 50M /dev/zero > /tmp/magick-log-test; sleep 3000"});
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_NE(::access("/tmp/magick-log-test", F_OK), 0);
}

// T15.88 (Hydro#45): 100000 deep, 200 bytes each; with room for it the same program ends well.
TEST_P(Log, ADeepRecursionHintsAtTheStack) {
  const Job deep = AsCaller().Flag("--stack", "8M").Run({GuestPath("guest_static"), "recurse", "100000"});
  EXPECT_EQ(deep.Cause(), "signal") << deep;
  EXPECT_EQ(deep.report["signal"], SIGSEGV);
  EXPECT_NE(deep.report["hints"].dump().find("8.0 MiB"), std::string::npos) << deep;
  EXPECT_EQ(AsCaller().Flag("--stack", "64M").Run({GuestPath("guest_static"), "recurse", "100000"}).exit_code(), 0);
}

MOAT_AS_BOTH_CALLERS(Log);

}  // namespace
}  // namespace moat
