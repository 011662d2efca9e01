// What was measured and what was done about it, put together by hand: one cause, and figures that agree with it.
#include "run/verdict.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "plan/testing.h"

namespace moat::run {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr int Exited(int code) { return code << 8; }

class Verdict : public testing::Test {
 protected:
  Verdict() {
    plan::Case test;
    test.model = plan::PolicyOf(std::string(plan::kSmallPolicy) + "[limits]\nwall = \"100ms\"\ncpu = \"50ms\"\npids = 20\n");
    auto plan = test.Compile();
    if (plan.ok()) bytes_ = plan->bytes();
    evidence_.program_done = true;
    report_.wall = 10 * kMs;
  }
  // The report as it is with what the test has put into it and into the evidence.
  const Report& Judged() {
    auto live = LivePlan::Make(bytes_, Job{});
    EXPECT_TRUE(live.ok());
    if (live.ok()) Judge(report_, evidence_, live->shared(), *live);
    return report_;
  }
  bool Hit(const std::string& limit) const {
    return std::find(report_.limits_hit.begin(), report_.limits_hit.end(), limit) != report_.limits_hit.end();
  }

  std::string bytes_;
  Report report_;
  Evidence evidence_;
};

TEST_F(Verdict, WithinItsLimitsAProgramEndsByItself) {
  report_.wall = 100 * kMs - 1, report_.cpu_user = 50 * kMs - 1;
  EXPECT_EQ(Judged().cause, Cause::kExit);
  EXPECT_TRUE(report_.limits_hit.empty());
}

// It ended by itself before anybody looked, but too late.
TEST_F(Verdict, TooLateIsWallWhoeverEndedIt) {
  report_.wall = 100 * kMs;
  EXPECT_EQ(Judged().cause, Cause::kWall);
  EXPECT_TRUE(Hit("wall"));
  EXPECT_EQ(report_.ExitStatus(), 125);
}

// The kernel's own limit for each process, by a clock that ticks: there is no proof.
TEST_F(Verdict, NearlyTooMuchIsAHintForOneThatWasKilled) {
  evidence_.program_status = SIGKILL, report_.cpu_user = 45 * kMs;
  EXPECT_EQ(Judged().cause, Cause::kSignal);
  EXPECT_TRUE(report_.limits_hit.empty());
  ASSERT_EQ(report_.hints.size(), 1U);
  EXPECT_NE(report_.hints.front().find("`cpu`"), std::string::npos) << report_.hints.front();
}

TEST_F(Verdict, TooMuchIsCpuWhoeverEndedIt) {
  report_.cpu_user = 30 * kMs, report_.cpu_system = 20 * kMs;
  EXPECT_EQ(Judged().cause, Cause::kCpu);
  EXPECT_TRUE(Hit("cpu"));
  EXPECT_EQ(report_.ExitStatus(), 125);
}

// It had ended when its limit came, and what it left behind took longer to end.
TEST_F(Verdict, InTimeIsNotWall) {
  evidence_.stop = Stop::kWall, report_.wall = 99 * kMs;
  EXPECT_EQ(Judged().cause, Cause::kExit);
  EXPECT_FALSE(Hit("wall"));
}

// Nobody told when the program ended: what the launcher did is all that is known.
TEST_F(Verdict, ALostPid1DoesNotUndoALimit) {
  evidence_.stop = Stop::kWall, evidence_.program_done = false, evidence_.init_status = SIGKILL;
  EXPECT_EQ(Judged().cause, Cause::kWall);
}

TEST_F(Verdict, WhatMoatDidFirstIsTheCause) {
  evidence_.stop = Stop::kCancelled, report_.wall = 200 * kMs, report_.cpu_user = 90 * kMs;
  EXPECT_EQ(Judged().cause, Cause::kCancelled);
}

TEST_F(Verdict, PidsOfTheJobsOwn) {
  evidence_.pids_hits = 3, evidence_.program_status = Exited(1);
  EXPECT_EQ(Judged().cause, Cause::kPids);
  EXPECT_TRUE(Hit("pids"));
  EXPECT_EQ(report_.detail, "limit of 20 processes and threads hit 3 times");
}

TEST_F(Verdict, PidsOfAGroupAroundAreNotTheJobsLimit) {
  evidence_.pids_hits = 1, evidence_.own_pids = false, evidence_.program_status = Exited(1);
  EXPECT_EQ(Judged().cause, Cause::kPids);
  EXPECT_FALSE(Hit("pids"));
  EXPECT_NE(report_.detail.find("a control group around moat"), std::string::npos) << report_.detail;
}

// Nobody counted a refusal: it may have had just as many as it wanted.
TEST_F(Verdict, NoRoomAtTheEndIsNoProofOfPids) {
  evidence_.no_more_processes = true, evidence_.program_status = Exited(3);
  EXPECT_EQ(Judged().cause, Cause::kExit);
  EXPECT_TRUE(report_.limits_hit.empty());
  ASSERT_EQ(report_.hints.size(), 1U);
  EXPECT_NE(report_.hints.front().find("`pids` of 20"), std::string::npos) << report_.hints.front();
}

TEST_F(Verdict, ALimitOfAddressesSaysThatItIsNoneOfMemory) {
  plan::Case test;
  test.model = plan::PolicyOf(std::string(plan::kSmallPolicy) + "[limits]\naddress_space = \"4G\"\n");
  auto plan = test.Compile();
  ASSERT_TRUE(plan.ok());
  bytes_ = plan->bytes();
  EXPECT_EQ(Judged().cause, Cause::kExit);
  ASSERT_EQ(report_.hints.size(), 1U);
  EXPECT_NE(report_.hints.front().find("`memory`"), std::string::npos) << report_.hints.front();
}

TEST_F(Verdict, PidsThatAProgramDidWithoutAreAHint) {
  evidence_.pids_hits = 1;
  EXPECT_EQ(Judged().cause, Cause::kExit);
  EXPECT_TRUE(Hit("pids"));
  ASSERT_EQ(report_.hints.size(), 1U);
}

}  // namespace
}  // namespace moat::run
