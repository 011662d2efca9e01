#include "base/pace.h"

#include <gtest/gtest.h>

#include <vector>

namespace moat::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = Pace::Time;

TEST(Pace, ABurstIsFreeAndThenItIsEven) {
  Pace pace(100, 5);
  const Time begin = seconds(1000);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(pace.Next(begin), begin) << i;
  EXPECT_EQ(pace.Next(begin), begin + milliseconds(10));
  EXPECT_EQ(pace.Next(begin), begin + milliseconds(20));
  EXPECT_EQ(pace.When(begin), begin + milliseconds(30)) << "asking takes no turn";
  EXPECT_EQ(pace.When(begin), begin + milliseconds(30));
  EXPECT_EQ(pace.Next(begin + seconds(1)), begin + seconds(1));
}

TEST(Pace, NoSecondHasMore) {
  Pace pace(kFiltersASecond, kFiltersAtOnce);
  std::vector<Time> begun;
  Time now = seconds(5);
  for (int i = 0; i < 5000; ++i) {
    now += std::chrono::microseconds(i % 7 == 0 ? 3000 : 20);
    begun.push_back(pace.Next(now));
  }
  for (std::size_t first = 0, last = 0; last < begun.size(); ++last) {
    while (begun[last] - begun[first] >= seconds(1)) ++first;
    ASSERT_LE(last - first + 1, kFiltersASecond + kFiltersAtOnce + 1U);
    if (last > 0) {
      ASSERT_GE(begun[last], begun[last - 1]);
    }
  }
}

}  // namespace
}  // namespace moat::base
