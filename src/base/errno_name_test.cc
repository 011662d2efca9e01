#include "base/errno_name.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>

namespace moat::base {
namespace {

// glibc is the oracle for names only; the texts are ours.
TEST(ErrnoName, AgreesWithLibcOnEveryNumber) {
  for (int i = 1; i <= 133; ++i) {
    const char* name = strerrorname_np(i);
    if (name == nullptr) {
      EXPECT_EQ(ErrnoName(i), "errno") << i;
      continue;
    }
    // glibc prefers the other spelling for this one.
    std::string expected = std::string(name) == "ENOTSUP" ? "EOPNOTSUPP" : name;
    EXPECT_EQ(ErrnoName(i), expected) << i;
    EXPECT_EQ(ErrnoFromName(expected), i);
  }
}

TEST(ErrnoName, TextsAreDistinctAndInHouseStyle) {
  std::set<std::string_view> seen;
  for (int i = 1; i <= 133; ++i) {
    if (ErrnoName(i) == "errno") continue;
    EXPECT_TRUE(seen.insert(ErrnoText(i)).second) << ErrnoText(i);
    EXPECT_FALSE(ErrnoText(i).empty());
    EXPECT_NE(ErrnoText(i).back(), '.');
  }
}

TEST(ErrnoName, UnknownNumbersAndNames) {
  for (int i : {-1, 0, 41, 58, 134, 4095}) {
    EXPECT_EQ(ErrnoName(i), "errno");
    EXPECT_EQ(ErrnoText(i), "unknown error");
  }
  EXPECT_EQ(ErrnoFromName(""), std::nullopt);
  EXPECT_EQ(ErrnoFromName("errno"), std::nullopt);
  EXPECT_EQ(ErrnoFromName("eperm"), std::nullopt);
  EXPECT_EQ(ErrnoFromName("EWOULDBLOCK"), EWOULDBLOCK);
  EXPECT_EQ(ErrnoFromName("EDEADLOCK"), EDEADLOCK);
  EXPECT_EQ(ErrnoFromName("ENOTSUP"), ENOTSUP);
}

}  // namespace
}  // namespace moat::base
