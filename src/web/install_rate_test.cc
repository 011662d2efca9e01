#include "web/install_rate.h"

#include <gtest/gtest.h>

namespace moat::web {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How many are let through when somebody asks every 100 us.
int InstalledBetween(InstallRate& rate, InstallRate::Time from, InstallRate::Time to) {
  int count = 0;
  for (InstallRate::Time now = from; now < to; now += std::chrono::microseconds(100)) count += rate.Take(now) ? 0 : 1;
  return count;
}

TEST(InstallRate, IsNeverPassedWhoeverAsksHowOften) {
  InstallRate rate;
  EXPECT_LE(InstalledBetween(rate, seconds(5), seconds(6)), 441);  // what was saved up, too
  const int steady = InstalledBetween(rate, seconds(6), seconds(7));
  EXPECT_LE(steady, 401);
  EXPECT_GE(steady, 395);
  // Nothing is saved up beyond that, however long nobody came.
  EXPECT_LE(InstalledBetween(rate, seconds(10'000), seconds(10'001)), 441);
  EXPECT_GT(rate.waits(), 0U);
}

TEST(InstallRate, SaysWhenToAskAgain) {
  InstallRate rate;
  InstallRate::Time now = seconds(1);
  while (!rate.Take(now)) {
  }
  EXPECT_EQ(rate.installed(), base::kFiltersAtOnce + 1);
  const auto wait = rate.Take(now);
  ASSERT_TRUE(wait);
  EXPECT_TRUE(rate.Take(now + *wait / 2));
  EXPECT_FALSE(rate.Take(now + *wait));
  EXPECT_EQ(rate.installed(), base::kFiltersAtOnce + 2);
  // A clock that stands still, or went back, is no gain.
  EXPECT_TRUE(rate.Take(now - milliseconds(500)));
}

}  // namespace
}  // namespace moat::web
