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
  const auto causes = history.Causes(0, 15);
  ASSERT_EQ(causes->size(), 2u);
  EXPECT_EQ(causes->at(1).from_ns, 15u);
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
