#include "pool/worker_verdict.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace moat::pool {
namespace {

WorkerEnd Ended(int status) {
  WorkerEnd end;
  end.reaped = true;
  end.status = status;
  return end;
}
WorkerEnd Exited(int code) { return Ended(code << 8); }

Cause CauseOf(const WorkerEnd& end, const WorkerFacts& facts = {}) { return JudgeWorker(end, facts).cause; }

TEST(WorkerVerdict, SignalsThatOnlyWeOrTheKernelSend) {
  EXPECT_EQ(CauseOf(Exited(3)), Cause::kExit);
  EXPECT_EQ(CauseOf(Ended(SIGSYS)), Cause::kDenied);
  EXPECT_EQ(CauseOf(Ended(SIGXCPU)), Cause::kCpu);
  EXPECT_EQ(CauseOf(Ended(SIGXFSZ)), Cause::kOutput);
  EXPECT_EQ(CauseOf(Ended(SIGSEGV)), Cause::kSignal);
  EXPECT_EQ(CauseOf(Ended(SIGKILL)), Cause::kWorkerLost);
  EXPECT_EQ(CauseOf(WorkerEnd{}), Cause::kWorkerLost);
}

TEST(WorkerVerdict, WhatWeStoppedUnlessItHadEndedBefore) {
  WorkerFacts facts;
  facts.stop = WorkerStop::kWall;
  EXPECT_EQ(CauseOf(Ended(SIGKILL), facts), Cause::kWall);
  EXPECT_EQ(CauseOf(Exited(0), facts), Cause::kExit);
  EXPECT_EQ(CauseOf(Ended(SIGSYS), facts), Cause::kDenied);
  facts.stop = WorkerStop::kCancelled;
  EXPECT_EQ(CauseOf(Ended(SIGKILL), facts), Cause::kCancelled);
}

TEST(WorkerVerdict, SigkillBeyondTheCpuLimitIsTheKernels) {
  WorkerFacts facts;
  facts.limits.cpu_seconds = 2;
  WorkerEnd end = Ended(SIGKILL);
  end.usage.ru_utime.tv_sec = 1;
  EXPECT_EQ(CauseOf(end, facts), Cause::kWorkerLost);
  end.usage.ru_utime.tv_sec = 3;
  EXPECT_EQ(CauseOf(end, facts), Cause::kCpu);
}

TEST(WorkerVerdict, ItsOwnWordsAreMarkedAndEscaped) {
  WorkerEnd end = Ended(SIGABRT);
  end.uncaught = "bad \x1b[31m";
  const Report report = JudgeWorker(end, {});
  EXPECT_EQ(report.cause, Cause::kSignal);
  EXPECT_NE(report.detail.find("as it says"), std::string::npos);
  EXPECT_EQ(report.detail.find('\x1b'), std::string::npos);
  end = Exited(1);
  end.out_of_memory = true;
  EXPECT_EQ(CauseOf(end), Cause::kMemory);
}

TEST(WorkerVerdict, ARecordNamesTheCallAndDecidesNothing) {
  WorkerEnd end = Exited(0);
  end.record = "{\"moat\":\"violation\",\"mode\":\"trap\",\"call\":\"openat\",\"arguments\":\"x\",\"edit\":\"y\"}\n";
  EXPECT_EQ(CauseOf(end), Cause::kExit);
  EXPECT_TRUE(JudgeWorker(end, {}).denials.empty());
  end.status = SIGSYS;
  const Report report = JudgeWorker(end, {});
  ASSERT_EQ(report.denials.size(), 1U);
  EXPECT_EQ(report.denials[0].call, "openat");
  end.record = "{\"moat\":\"violation\",\"mode\":\"trap\",\"call\":\"open\x01\"}\n";
  EXPECT_TRUE(JudgeWorker(end, {}).denials.empty());
}

TEST(WorkerVerdict, TheLowerLimitHolds) {
  ZygoteHello hello;
  hello.memory = 10;
  hello.cpu_seconds = 5;
  hello.file_size = kNoWorkerLimit;
  WorkerLimits asked;
  asked.memory = 20;
  asked.cpu_seconds = 2;
  const WorkerLimits lower = Lower(asked, hello);
  EXPECT_EQ(lower.memory, 10U);
  EXPECT_EQ(lower.cpu_seconds, 2U);
  EXPECT_EQ(lower.file_size, kNoWorkerLimit);
}

}  // namespace
}  // namespace moat::pool
