#include "web/memory_comes_back.h"

#include <gtest/gtest.h>

namespace moat::web {
namespace {

TEST(MemoryComesBack, ItIsDoneOnceThereIsSome) {
  int tries = 0, done = 0;
  UntilThereIsMemory(
      [&] {
        if (++tries < 4) throw std::bad_alloc();
        ++done;
      },
      std::chrono::milliseconds(0));
  EXPECT_EQ(tries, 4);
  EXPECT_EQ(done, 1);
}

TEST(MemoryComesBack, OtherFailuresAreNotWaitedFor) {
  EXPECT_THROW(UntilThereIsMemory([] { throw 7; }), int);
}

}  // namespace
}  // namespace moat::web
