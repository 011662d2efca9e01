#include "web/history.h"

#include <gtest/gtest.h>

#include "web/testing.h"

namespace moat::web {
namespace {

using testing::PrivateFolder;

HistoryJob Ended(std::uint64_t when, const std::string& cause) {
  HistoryJob job;
  job.finished_ns = when;
  job.id = "id" + std::to_string(when);
  job.profile = "thumb";
  job.cause = cause;
  job.wall_ns = 5;
  return job;
}

Denial Refused(const std::string& rule, std::uint64_t count) {
  Denial denial;
  denial.call = "socket";
  denial.arguments = "AF_INET";
  denial.rule = rule;
  denial.edit = "allow = [\"@sockets\"]";
  denial.stack = {"libc.so.6+0x10"};
  denial.count = count;
  return denial;
}

TEST(History, GroupsAndRemembers) {
  const PrivateFolder folder;
  {
    auto history = History::Open(folder.path() + "/h.db", 100);
    ASSERT_TRUE(history.ok()) << history.error().ToString();
    (*history)->Add(Ended(10, "exit"), {Refused("p:1", 3)}, {"stdout"});
    (*history)->Add(Ended(20, "denied"), {Refused("p:1", 4), Refused("p:2", 1)}, {"stdout"});
  }
  auto again = History::Open(folder.path() + "/h.db", 100);
  ASSERT_TRUE(again.ok());
  History& history = **again;
  const auto jobs = history.Latest(10);
  ASSERT_TRUE(jobs.ok());
  ASSERT_EQ(jobs->size(), 2u);
  EXPECT_EQ((*jobs)[0].cause, "denied");
  const auto denials = history.Denials(10);
  ASSERT_TRUE(denials.ok());
  ASSERT_EQ(denials->size(), 2u);
  EXPECT_EQ((*denials)[0].denial.count, 7u);
  EXPECT_EQ((*denials)[0].jobs, 2u);
  EXPECT_EQ((*denials)[0].first_ns, 10u);
  EXPECT_EQ((*denials)[0].denial.stack, std::vector<std::string>{"libc.so.6+0x10"});
  EXPECT_EQ(history.Limits(10)->at(0).jobs, 2u);
  const auto causes = history.Causes(0, 1000, 15);
  ASSERT_EQ(causes->size(), 2u);
  EXPECT_EQ(causes->at(1).from_ns, 15u);
}

TEST(History, ComparesAConfigurationWithTheOneBefore) {
  const PrivateFolder folder;
  auto opened = History::Open(folder.path() + "/h.db", 1000);
  ASSERT_TRUE(opened.ok());
  History& history = **opened;
  const auto note = [&](std::uint64_t now, const char* digest) { ASSERT_TRUE(history.NoteConfiguration(now, digest).ok()); };
  note(5, "oldest");
  history.Add(Ended(7, "wall"), {}, {});  // of the oldest: not of interest any more
  EXPECT_EQ(history.CompareRollout(100)->since_ns, 0u);
  note(10, "old");
  for (std::uint64_t i = 10; i < 20; ++i) history.Add(Ended(i, "exit"), {}, {});
  note(20, "new");
  note(25, "new");  // a restart
  for (std::uint64_t i = 20; i < 24; ++i) {
    HistoryJob job = Ended(i, i == 23 ? "denied" : "exit");
    job.wall_ns = i;
    history.Add(std::move(job), {}, {});
  }
  ASSERT_TRUE(history.Flush().ok());
  const auto rollout = history.CompareRollout(100);
  ASSERT_TRUE(rollout.ok()) << rollout.error().ToString();
  EXPECT_EQ(rollout->since_ns, 20u);
  EXPECT_EQ(rollout->digest, "new");
  const auto& [before, after] = rollout->profiles.at("thumb");
  EXPECT_EQ(before.jobs, 10u);
  EXPECT_EQ(before.causes.count("wall"), 0u);
  EXPECT_EQ(after.jobs, 4u);
  EXPECT_EQ(after.causes.at("denied"), 1u);
  EXPECT_EQ(before.wall_p50_ns, 5u);
  EXPECT_EQ(after.wall_p50_ns, 21u);
  EXPECT_EQ(after.wall_p99_ns, 22u);
}

// The clock goes back by a day behind a change of the configuration, and forth again.
TEST(History, AClockThatIsSetMixesNothingUp) {
  const PrivateFolder folder;
  auto opened = History::Open(folder.path() + "/h.db", 1000);
  ASSERT_TRUE(opened.ok());
  History& history = **opened;
  ASSERT_TRUE(history.NoteConfiguration(1000, "old").ok());
  for (int i = 0; i < 3; ++i) history.Add(Ended(1001, "exit"), {}, {});
  ASSERT_TRUE(history.NoteConfiguration(1002, "new").ok());
  for (int i = 0; i < 4; ++i) history.Add(Ended(5, "wall"), {}, {});
  ASSERT_TRUE(history.Flush().ok());
  const auto rollout = history.CompareRollout(100);
  ASSERT_TRUE(rollout.ok());
  const auto& [before, after] = rollout->profiles.at("thumb");
  EXPECT_EQ(before.causes, (std::map<std::string, std::uint64_t>{{"exit", 3}}));
  EXPECT_EQ(after.causes, (std::map<std::string, std::uint64_t>{{"wall", 4}}));
  // What seems to be of tomorrow is in no slice of today.
  EXPECT_EQ(history.Causes(0, 100, 10)->size(), 1u);
}

TEST(History, IsBounded) {
  const PrivateFolder folder;
  auto history = History::Open(folder.path() + "/h.db", 100);
  ASSERT_TRUE(history.ok());
  for (std::uint64_t i = 0; i < 2000; ++i) (*history)->Add(Ended(i, "exit"), {Refused(std::to_string(i), 1)}, {});
  ASSERT_TRUE((*history)->Flush().ok());
  EXPECT_EQ((*history)->Latest(10'000)->size(), 100u);
  EXPECT_EQ((*history)->Latest(1)->at(0).finished_ns, 1999u);
  EXPECT_EQ((*history)->Denials(10'000)->size(), 1000u);
}

}  // namespace
}  // namespace moat::web
