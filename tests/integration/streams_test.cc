// Standard input, output and error: carried across, counted, and cut where the policy says.
#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::GuestPath;

constexpr std::size_t kMiB = 1 << 20;

class Streams : public testkit::CallerTest {};

TEST_P(Streams, InputIsCarriedAsItComes) {
  auto job = AsCaller().KeepInputOpen().Start({"cat"});
  for (const char* line : {"first\n", "second\n", "third\n"}) {
    job.Write(line);
    ASSERT_TRUE(job.AwaitOutput(line)) << "the line before was not carried until more came";
  }
  const testkit::Job done = job.Finish();
  EXPECT_EQ(done.out, "first\nsecond\nthird\n");
  EXPECT_EQ(done.exit_code(), 0) << done;
}

TEST_P(Streams, MegabytesGoThroughUnchanged) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < 3 * kMiB; ++i) text += std::to_string(i * 7919) + '\0';
  const testkit::Job job = AsCaller().Stdin(text).Run({"cat"});
  EXPECT_EQ(job.exit_code(), 0);
  EXPECT_TRUE(job.out == text) << job.out.size() << " bytes came back";
  EXPECT_EQ(job.report["stdout"]["bytes"], text.size());
}

TEST_P(Streams, AProgramThatReadsNothingEndsAllTheSame) {
  const testkit::Job job = AsCaller().Stdin(std::string(2 * kMiB, 'x')).Run({"true"});
  EXPECT_EQ(job.exit_code(), 0) << job;
}

// T7.38 (sandlock#149), T7.39 (submitit#1609)
TEST_P(Streams, BothAreDrainedAtOnce) {
  const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "spew", std::to_string(4 * kMiB), std::to_string(4 * kMiB)});
  EXPECT_EQ(job.exit_code(), 0);
  EXPECT_EQ(job.out.size(), 4 * kMiB);
  EXPECT_EQ(job.err.size(), 4 * kMiB);
  EXPECT_EQ(job.report["stdout"]["kept"], 4 * kMiB);
  EXPECT_EQ(job.report["stderr"]["bytes"], 4 * kMiB);
  EXPECT_FALSE(job.report["stderr"]["truncated"].get<bool>());
}

TEST_P(Streams, ErrorsAloneDoNotHoldTheOutputUp) {
  const testkit::Job job = AsCaller().Run({"sh", "-c", "head -c 1M /dev/zero >&2; echo done"});
  EXPECT_EQ(job.out, "done\n");
  EXPECT_EQ(job.err.size(), kMiB);
}

// T2.12 (piston#465): what fitted is kept, the rest is said to be missing.
TEST_P(Streams, OverTheLimitEndsTheJobWithWhatFitted) {
  const testkit::Job job = AsCaller().Flag("--stdout", "1M").Run({"seq", "1", "99999999"});
  EXPECT_EQ(job.Cause(), "output") << job;
  EXPECT_TRUE(job.Hit("stdout")) << job;
  EXPECT_EQ(job.out.size(), kMiB);
  EXPECT_EQ(job.out.substr(0, 4), "1\n2\n");
  EXPECT_TRUE(job.report["stdout"]["truncated"].get<bool>());
  EXPECT_EQ(job.report["stdout"]["kept"], kMiB);
  EXPECT_GT(job.report["stdout"]["bytes"].get<std::uint64_t>(), kMiB);
}

TEST_P(Streams, ExactlyTheLimitIsWithinIt) {
  const testkit::Job job = AsCaller().Flag("--stdout", "64K").Run({GuestPath("guest_static"), "spew", "65536", "0"});
  EXPECT_EQ(job.Cause(), "exit") << job.report;
  EXPECT_EQ(job.out.size(), 65536U);
  EXPECT_FALSE(job.report["stdout"]["truncated"].get<bool>());
}

TEST_P(Streams, StandardErrorHasALimitOfItsOwn) {
  const testkit::Job job = AsCaller().Flag("--stderr", "4K").Run({GuestPath("guest_static"), "spew", "0", "1000000"});
  EXPECT_EQ(job.Cause(), "output") << job.report;
  EXPECT_TRUE(job.Hit("stderr")) << job.report;
  EXPECT_TRUE(job.report["stderr"]["truncated"].get<bool>());
}

// T7.43 (lean-ctx#949): it is ended, not waited for. The wall limit is so far that a wait would hang.
TEST_P(Streams, AWriterThatIgnoresClosedPipesIsEnded) {
  const testkit::Job job =
      AsCaller().Flag("--stdout", "64K").Flag("--wall", "60m").Run({"sh", "-c", "trap '' PIPE; yes"});
  EXPECT_EQ(job.Cause(), "output") << job.report;
  EXPECT_EQ(job.out.size(), 65536U);
}

// T7.40 (piston#180)
TEST_P(Streams, WhatWasWrittenBeforeTheWallLimitIsThere) {
  const testkit::Job job = testkit::WithAClock(
      [&](const char* clock) { return AsCaller().Flag("--wall", clock).Flag("--grace", "0s").Run({"sh", "-c", "echo a; sleep 3000"}); },
      [](const testkit::Job& done) { return !done.out.empty(); });
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_EQ(job.out, "a\n");
}

// T6.30 (cpython#76116): a grandchild that holds the pipe does not hold moat.
TEST_P(Streams, AGrandchildDoesNotKeepTheStreamsOpen) {
  const testkit::Job job = AsCaller().Flag("--wall", "60m").Run({"sh", "-c", "sleep 3000 & echo hi"});
  EXPECT_EQ(job.out, "hi\n");
  EXPECT_EQ(job.Cause(), "exit") << job;
}

TEST_P(Streams, AReaderThatGoesAwayIsNoReasonToHang) {
  testkit::Command shell;
  const std::string moat = testkit::MoatPath();
  shell.argv = {"/bin/sh", "-c", moat + " run -- yes | head -n 1"};
  shell.environment = testkit::OwnEnvironment();
  if (!is_root() && ::geteuid() == 0) {
    shell.as = testkit::UserId();
    shell.environment = {"PATH=/usr/bin:/bin", "HOME=" + testkit::UserHome()};
  }
  EXPECT_EQ(testkit::Run(shell).out, "y\n");
}

MOAT_AS_BOTH_CALLERS(Streams);

}  // namespace
}  // namespace moat
