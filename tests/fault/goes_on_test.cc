// A process that starts one job after the other, as the library's helper does: whatever op
// fails, it keeps no descriptor, no child and no group of the job, and the next one starts.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "plan/plan.h"
#include "policy/load.h"
#include "probe/host_view.h"
#include "probe/probe.h"
#include "profile/find_profile.h"
#include "run/job.h"
#include "testkit/host.h"
#include "testkit/moat.h"

namespace moat {
namespace {

constexpr auto kPace = std::chrono::milliseconds(10);  // a job that gets far installs a filter

class GoesOn : public testing::Test {
 protected:
  void SetUp() override {
    const std::string against = testkit::ReasonAgainst(testkit::Caller::kRoot);
    if (!against.empty()) GTEST_SKIP() << against;
    auto model = policy::Load("default", policy::ProfilesIn({testkit::SourceFolder() + "/profiles"}));
    ASSERT_TRUE(model.ok()) << model.error().ToString();
    auto facts = probe::Probe();
    ASSERT_TRUE(facts.ok()) << facts.error().ToString();
    const probe::RealHost view;
    auto plan = plan::Compile({*model, *facts, view, program_, "/", "", plan::Collect::kYes, [](const Origin&) { return true; }});
    ASSERT_TRUE(plan.ok()) << plan.error().ToString();
    plan_ = plan->bytes();
    ops_ = plan->header().op_count;
  }

  Report RunWith(run::Fault fault) {
    run::Job job;
    job.command = {program_, "sparse", "{out}/ran", "4096"};
    job.inputs = {folder_.File("input", "text", 0600)};
    job.output_dir = folder_ / "out";
    job.after = run::Job::After::kGoesOn;
    job.fault = fault;
    return run::Run(plan_, job);
  }

  const std::string program_ = testkit::GuestPath("guest_static");
  testkit::TempDir folder_;
  std::string plan_;
  std::uint32_t ops_ = 0;
};

TEST_F(GoesOn, AndKeepsNothing) {
  ASSERT_EQ(RunWith({}).ExitStatus(), 0) << RunWith({}).ToJson();
  const auto descriptors = testkit::OpenDescriptors();
  auto next = std::chrono::steady_clock::now();
  for (std::uint32_t op = 0; op < ops_; ++op) {
    std::this_thread::sleep_until(next);
    next = std::chrono::steady_clock::now() + kPace;
    SCOPED_TRACE("op " + std::to_string(op));
    const Report report = RunWith({op, EIO});  // which no op tolerates
    EXPECT_EQ(report.ExitStatus(), 125) << report.ToJson();
    EXPECT_EQ(testkit::OpenDescriptors(), descriptors);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1);
    EXPECT_EQ(testkit::CgroupsOfLauncher(::getpid()), std::set<std::string>());
    ASSERT_FALSE(HasFailure());
  }
  std::filesystem::remove(folder_ / "out" / "ran");
  EXPECT_EQ(RunWith({}).ExitStatus(), 0);
  EXPECT_EQ(testkit::OpenDescriptors(), descriptors);
}

}  // namespace
}  // namespace moat
