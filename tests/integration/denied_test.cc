// What a policy refuses: an error that the program can live with, or its end, told for certain.
#include <algorithm>
#include <csignal>
#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::GuestPath;

class Denied : public testkit::CallerTest {
 protected:
  testkit::Moat WithRule(const std::string& rule) {
    return AsCaller().Profile(folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\nreason = \"a test\"\n" + rule));
  }
};

// firejail#5110: keyctl.
TEST_P(Denied, AnErrorIsNoDeath) {
  const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "call", "250", "0", "0", "0"});
  EXPECT_EQ(job.out, "{\"result\": -1, \"errno\": 1}\n") << job;
  EXPECT_EQ(job.Cause(), "exit") << job;
}

// nsjail#158; more in verdict_test.cc
TEST_P(Denied, DeathByTheFilterIsACauseOfItsOwn) {
  const testkit::Job job = WithRule("call = \"keyctl\"\ndo = \"kill\"\n").Run({GuestPath("guest_static"), "call", "250", "0", "0", "0"});
  EXPECT_EQ(job.exit_code(), 128 + SIGKILL) << job;
  EXPECT_EQ(job.Cause(), "denied") << job;
  EXPECT_EQ(job.report["signal"], SIGKILL) << "pid 1 was asked, and killed it";
  EXPECT_GE(job.report["denials"]["count"].get<int>(), 1) << job;
}

TEST_P(Denied, ARuleChoosesTheError) {
  EXPECT_EQ(WithRule("call = \"getppid\"\ndo = \"ENOTTY\"\n").Run({GuestPath("guest_static"), "call", "110"}).out,
            "{\"result\": -1, \"errno\": 25}\n");
  EXPECT_EQ(WithRule("call = \"getppid\"\ndo = \"success\"\n").Run({GuestPath("guest_static"), "call", "110"}).out,
            "{\"result\": 0, \"errno\": 0}\n");
  const auto only_one = WithRule("call = \"dup\"\nwhen = \"oldfd == 1\"\ndo = \"EBUSY\"\n");
  EXPECT_EQ(only_one.Run({GuestPath("guest_static"), "call", "32", "1"}).out, "{\"result\": -1, \"errno\": 16}\n");
  EXPECT_EQ(only_one.Run({GuestPath("guest_static"), "call", "32", "2"}).out, "{\"result\": 3, \"errno\": 0}\n");
}

TEST_P(Denied, TracingFailsAndIsSurvived) {
  if (!fs::exists("/usr/bin/strace")) GTEST_SKIP() << "strace is not installed";
  const testkit::Job job = AsCaller().Run({"strace", "true"});
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_NE(job.exit_code(), 0) << job;
}

// firecracker#1008: a failing assertion dies of itself, not of the filter.
TEST_P(Denied, AbortIsAbortUnderEveryStockProfile) {
  for (const auto& file : fs::directory_iterator(testkit::SourceFolder() + "/profiles")) {
    if (file.path().extension() != ".toml") continue;
    const testkit::Job job = AsCaller().Profile(file.path().stem()).Run({GuestPath("guest_static"), "abort"});
    EXPECT_EQ(job.exit_code(), 128 + SIGABRT) << file.path() << "\n" << job;
    EXPECT_EQ(job.Cause(), "signal") << job;
  }
}

// DMOJ/judge-server#175
TEST_P(Denied, TheNetworkIsAnErrorThatProgramsKnow) {
  const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "tcp", "192.0.2.1", "80"});
  EXPECT_EQ(job.exit_code(), 1) << job;
  EXPECT_EQ(job.Cause(), "exit") << job;
}

MOAT_AS_BOTH_CALLERS(Denied);

}  // namespace
}  // namespace moat
