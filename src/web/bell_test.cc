#include "web/bell.h"

#include <gtest/gtest.h>

#include <thread>

namespace moat::web {
namespace {

bool IsRung(const Bell& bell) {
  pollfd one = {bell.descriptor(), POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

TEST(Bell, EachRingEndsOneWait) {
  const Bell bell;
  EXPECT_FALSE(IsRung(bell));
  bell.Ring();
  bell.Ring();  // nobody has heard the first: they are one
  EXPECT_TRUE(IsRung(bell));
  bell.Wait();
  EXPECT_FALSE(IsRung(bell));
  bell.Ring();
  bell.Clear();
  EXPECT_FALSE(IsRung(bell));
  bell.Clear();  // of what has not rung: no wait
}

// What a data race would be is for ThreadSanitizer to say.
TEST(Bell, WhatWasWrittenBeforeIsSeenAfterwards) {
  const Bell bell;
  int written = 0;
  std::thread ringer([&] {
    written = 1;
    bell.Ring();
  });
  bell.Wait();
  EXPECT_EQ(written, 1);
  ringer.join();
}

}  // namespace
}  // namespace moat::web
