// Counters that were opened before the job, and are read when it is over.
#include "run/counters.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plan/testing.h"
#include "run/kept_plan.h"

namespace moat::run {
namespace {

// A folder in place of every group of a plan.
class Groups : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/moat-counters-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    fd_ = sys::Fd(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    plan::Case test;
    test.facts = plan::ModernRoot(plan::Hierarchy::kV2);
    auto plan = test.Compile();
    ASSERT_TRUE(plan.ok()) << plan.error().ToString();
    live_.emplace(std::move(LivePlan::Make(plan->bytes(), {}).value()));
    const auto* rows = live_->Rows<abi::CgroupRow>(live_->header().cgroups);
    ASSERT_GT(live_->header().cgroup_count, 0U);
    for (abi::Index i = 0; i < live_->header().cgroup_count; ++i) live_->SetInt(rows[i].fd, fd_.get());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& file, const std::string& text) { std::ofstream(folder_ / file) << text; }

  std::filesystem::path folder_;
  sys::Fd fd_;
  std::optional<LivePlan> live_;
};

TEST_F(Groups, AreReadWholeEachTimeAndAsTheyAreThen) {
  Write("pids.peak", "1\n");
  Counters counters;
  counters.Open(*live_, getpid());
  Write("pids.peak", std::string(10'000, '7'));
  EXPECT_EQ(counters.Read(fd_.get(), "pids.peak"), std::string(10'000, '7'));
  EXPECT_EQ(counters.Read(fd_.get(), "pids.peak"), std::string(10'000, '7'));
}

TEST_F(Groups, AreOpenFromThenOn) {
  Write("memory.peak", "4096\n");
  Counters counters;
  counters.Open(*live_, getpid());
  std::filesystem::remove(folder_ / "memory.peak");
  EXPECT_EQ(counters.Read(fd_.get(), "memory.peak"), "4096\n");
  counters.Close();
  EXPECT_EQ(counters.Read(fd_.get(), "memory.peak"), "");
}

TEST_F(Groups, AreLookedForAgainWhenTheyWereNotThere) {
  Counters counters;
  counters.Open(*live_, getpid());
  Write("pids.peak", "3\n");
  Write("memory.failcnt", "0\n");  // read of jobs that ran out alone
  EXPECT_EQ(counters.Read(fd_.get(), "pids.peak"), "3\n");
  EXPECT_EQ(counters.Read(fd_.get(), "memory.failcnt"), "0\n");
  EXPECT_EQ(counters.Read(-1, "pids.peak"), "");
}

TEST_F(Groups, OfPid1TellWhatItDidSinceTheyWereOpened) {
  Counters counters;
  counters.Open(*live_, getpid());
  const std::string before = counters.ReadTransfers(getpid());
  Write("something", std::string(1 << 20, 'x'));
  const std::string after = counters.ReadTransfers(getpid());
  EXPECT_NE(before.find("wchar:"), std::string::npos);
  EXPECT_NE(before, after);
}

TEST(KeptPlan, IsTheSameAsItsCopiesAndNoOther) {
  auto plan = plan::Case().Compile();
  ASSERT_TRUE(plan.ok());
  std::string bytes = plan->bytes();
  auto first = KeptPlan::Keep(bytes), second = KeptPlan::Keep(bytes);
  ASSERT_TRUE(first.ok() && second.ok());
  const KeptPlan copy = *first;
  EXPECT_EQ(copy, *first);
  EXPECT_NE(copy, *second) << "equal bytes are two plans";
  std::fill(bytes.begin(), bytes.end(), '\0');
  *first = KeptPlan();
  EXPECT_FALSE(*first);
  EXPECT_EQ(copy->header().magic, abi::kMagic) << "it has memory of its own, as long as somebody has it";
}

TEST(KeptPlan, HasToHoldTogether) {
  EXPECT_FALSE(KeptPlan::Keep("").ok());
  EXPECT_FALSE(KeptPlan::Keep(std::string(sizeof(abi::Header), 'x')).ok());
}

}  // namespace
}  // namespace moat::run
