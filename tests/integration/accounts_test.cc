// The figures of a known load. The bounds are the same under cgroup v1 and v2 (the virtual machine),
// which is how the two agree.
#include <algorithm>
#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::Job;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMillisecond = 1'000'000;

constexpr const char* kLoad = R"(
import os, signal, time
# 300 ms of work by one whose parent is gone; nobody below pid 1 waits for it.
r, w = os.pipe()
if os.fork() == 0:
  if os.fork() == 0:
    while time.process_time() < 0.3: pass
    os.write(w, b'x')
  os._exit(0)
os.wait()
os.read(r, 1)
# Its own memory, a file that nobody has read before, a file in a scratch folder.
own = bytearray(50 << 20)
with open('/in/big', 'rb', buffering=0) as big:
  while big.read(1 << 20): pass
with open('/tmp/file', 'wb', buffering=0) as file:
  for _ in range(20): file.write(bytes(1 << 20))
# Six at the same time.
ready, told = os.pipe()
for _ in range(5):
  if os.fork() == 0:
    os.write(told, b'x')
    signal.pause()
seen = 0
while seen < 5: seen += len(os.read(ready, 5))
)";

class Accounts : public testkit::RootTest {
 protected:
  static std::uint64_t Number(const nlohmann::json& value) { return value.is_number() ? value.get<std::uint64_t>() : 0; }
  std::string BigFile() {
    const std::string big = folder_.File("big", "");
    std::filesystem::resize_file(big, 40 * kMiB);  // its pages are charged to who reads them first
    return big;
  }
};

#define EXPECT_BETWEEN(value, low, high) \
  EXPECT_GE(value, low) << job;          \
  EXPECT_LE(value, high) << job

TEST_F(Accounts, AgreeWithAKnownLoad) {
  const Job job = testkit::Moat(testkit::Caller::kRoot).Flag("--memory", "256M").Flag("--pids", "20").Flag("--cpu", "60m")
                      .Input(BigFile()).Run({"python3", "-c", kLoad});
  if (job.Cause() == "setup") GTEST_SKIP() << "no such controller: " << job.report["detail"];
  ASSERT_EQ(job.exit_code(), 0) << job;
  const auto& memory = job.report["memory_peak"];
  EXPECT_BETWEEN(Number(memory["anonymous"]), 50 * kMiB, 75 * kMiB);
  EXPECT_BETWEEN(Number(memory["file"]), 40 * kMiB, 60 * kMiB);  // and what of python was not cached
  EXPECT_BETWEEN(Number(memory["shared"]), 20 * kMiB, 22 * kMiB);
  EXPECT_BETWEEN(Number(memory["total"]), 110 * kMiB, 150 * kMiB);
  EXPECT_EQ(job.report["pids_peak"], 6) << job;
  EXPECT_GE(Number(job.report["cpu"]["user"]) + Number(job.report["cpu"]["system"]), 300 * kMillisecond) << job;
  EXPECT_BETWEEN(Number(job.report["read"]), 40 * kMiB, 44 * kMiB);
  EXPECT_BETWEEN(Number(job.report["written"]), 20 * kMiB, 21 * kMiB);
  EXPECT_GT(Number(job.report["context_switches"]["voluntary"]), 0U) << job;
}

constexpr const char* kUnreaped = R"(
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
  while time.process_time() < float(sys.argv[1]): pass
  os._exit(0)
try: os.wait()
except ChildProcessError: pass
)";

// The kernel gives nobody the sums of a process whose parent ignores SIGCHLD; no limit was asked for.
TEST_F(Accounts, AProcessThatNobodyWaitsForIsCounted) {
  const Job job = testkit::Moat(testkit::Caller::kRoot).Run({"python3", "-c", kUnreaped, "0.3"});
  if (!job.report["pids_peak"].is_number()) GTEST_SKIP() << "no control group counts here";
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.report["pids_peak"], 2) << job;
  EXPECT_GE(Number(job.report["cpu"]["user"]) + Number(job.report["cpu"]["system"]), 300 * kMillisecond) << job;
  EXPECT_NE(job.report["unknown"].dump().find("context_switches"), std::string::npos) << job;
}

TEST_F(Accounts, AProcessThatNobodyWaitsForReachesTheLimit) {
  const Job job = testkit::Moat(testkit::Caller::kRoot).Flag("--cpu", "200ms").Run({"python3", "-c", kUnreaped, "3000"});
  if (job.Cause() == "setup") GTEST_SKIP() << "no such controller: " << job.report["detail"];
  EXPECT_EQ(job.Cause(), "cpu") << job;
  EXPECT_TRUE(job.Hit("cpu")) << job;
}

class AccountsWithoutGroups : public testkit::CallerTest {};

// What nobody counts is not made up.
TEST_P(AccountsWithoutGroups, WhatIsNotCountedIsSaid) {
  const Job job = AsCaller().Run({"true"});
  const bool told = job.report["unknown"].dump().find("counts processor time") != std::string::npos;
  const auto enforced = job.Layers("enforced");
  const bool grouped = std::find(enforced.begin(), enforced.end(), "memory limit") != enforced.end();
  EXPECT_EQ(told, !grouped) << job;
  EXPECT_EQ(job.report["pids_peak"].is_null(), !grouped) << job;
}

MOAT_AS_BOTH_CALLERS(AccountsWithoutGroups);

}  // namespace
}  // namespace moat
