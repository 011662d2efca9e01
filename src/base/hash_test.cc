#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace moat::base {
namespace {

// A promise to everybody who divides jobs by it: the figures never change.
TEST(StableHash, IsTheSameForEver) {
  EXPECT_EQ(StableHash(""), 0xefd01f60ba992926U);
  EXPECT_EQ(StableHash("job 1"), StableHash(std::string("job ") + "1"));
  EXPECT_NE(StableHash("job 1"), StableHash("job 2"));
}

TEST(StableHash, SharesAreAsLargeAsAskedAndNested) {
  int five = 0, half = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string key = "customer-" + std::to_string(i);
    five += InShare(key, 500) ? 1 : 0;
    half += InShare(key, 5000) ? 1 : 0;
    EXPECT_TRUE(InShare(key, 10000));
    EXPECT_FALSE(InShare(key, 0));
    EXPECT_LE(InShare(key, 500), InShare(key, 5000)) << key;
  }
  EXPECT_NEAR(five, 1000, 150);
  EXPECT_NEAR(half, 10000, 350);
}

}  // namespace
}  // namespace moat::base
