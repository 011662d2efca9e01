#include "program/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace program {
namespace {

TEST(Pool, DoesEachPieceOnce) {
  Pool pool(4);
  for (std::size_t count : {0u, 1u, 3u, 1000u}) {
    std::vector<std::atomic<int>> done(count);
    pool.Run(count, [&](std::size_t i) { ++done[i]; });
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(done[i], 1);
  }
}

TEST(Pool, WithoutThreadsItWorksItself) {
  Pool pool(0);
  std::vector<std::thread::id> who;
  pool.Run(3, [&](std::size_t) { who.push_back(std::this_thread::get_id()); });
  EXPECT_EQ(who, std::vector<std::thread::id>(3, std::this_thread::get_id()));
}

// Each piece waits for the other: one thread alone would never end.
TEST(Pool, WorksAtTheSameTime) {
  Pool pool(2);
  std::atomic<int> here = 0;
  pool.Run(2, [&](std::size_t) {
    ++here;
    here.notify_all();
    for (int seen = here; seen < 2; seen = here) here.wait(seen);
  });
  EXPECT_EQ(here, 2);
}

}  // namespace
}  // namespace program
