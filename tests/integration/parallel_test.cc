// Many at once: T16.90 (isolate#26), T8.44 (ai-jail#21).
#include <map>
#include <set>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

constexpr int kMany = 50;
constexpr uid_t kJobUidBase = 0x70000000;

class Parallel : public testkit::CallerTest {
 protected:
  std::vector<testkit::RunningJob> StartMany(testkit::Moat moat) {
    std::vector<testkit::RunningJob> jobs;
    moat.KeepInputOpen();
    for (int i = 0; i < kMany; ++i) {
      const std::string number = std::to_string(i);
      jobs.push_back(moat.Start({"sh", "-c", "echo " + number + " > /tmp/mine; echo ready; read line; cat /tmp/mine; ls /tmp | wc -l"}));
    }
    return jobs;
  }
};

TEST_P(Parallel, FiftyRunAtTheSameTimeAndShareNothing) {
  auto jobs = StartMany(AsCaller());
  for (auto& job : jobs) ASSERT_TRUE(job.AwaitOutput("ready")) << job.err();
  // All of them live now.
  for (int i = 0; i < kMany; ++i) {
    const testkit::Job done = jobs[static_cast<std::size_t>(i)].Finish();
    EXPECT_EQ(done.exit_code(), 0) << done;
    EXPECT_EQ(done.out, "ready\n" + std::to_string(i) + "\n1\n") << done;
  }
}

TEST_P(Parallel, JobsOfRootHaveIdsOfTheirOwn) {
  auto jobs = StartMany(AsCaller());
  std::set<uid_t> seen;
  for (auto& job : jobs) {
    ASSERT_TRUE(job.AwaitOutput("ready")) << job.err();
    const auto family = testkit::Descendants(job.pid());
    ASSERT_GE(family.size(), 3U) << "launcher, pid 1, shell";
    std::set<uid_t> ids;
    for (std::size_t i = 2; i < family.size(); ++i) ids.insert(testkit::UidOf(family[i]));
    ASSERT_EQ(ids.size(), 1U);
    if (is_root()) {
      EXPECT_GE(*ids.begin(), kJobUidBase);
      EXPECT_TRUE(seen.insert(*ids.begin()).second) << "two living jobs with one uid";
    } else {
      EXPECT_NE(*ids.begin(), 0U);
    }
  }
  // Ended in their own way: a launcher that is killed leaves its group.
  for (auto& job : jobs) EXPECT_EQ(job.Finish().exit_code(), 0);
}

// T8.44 (Submitty#188): limits of processes are the job's, not the user's.
TEST_P(Parallel, ProcessLimitsAreNotShared) {
  std::vector<testkit::RunningJob> jobs;
  for (int i = 0; i < 3; ++i) {
    jobs.push_back(AsCaller().KeepInputOpen().Flag("--pids", "6").Start({"sh", "-c", "sleep 3000 & sleep 3000 & echo ready; read line"}));
  }
  for (auto& job : jobs) EXPECT_TRUE(job.AwaitOutput("ready")) << job.err();
  for (auto& job : jobs) {
    const testkit::Job done = job.Finish();
    EXPECT_NE(done.Cause(), "pids") << done;
    EXPECT_EQ(done.err, "") << done;
  }
}

MOAT_AS_BOTH_CALLERS(Parallel);

}  // namespace
}  // namespace moat
