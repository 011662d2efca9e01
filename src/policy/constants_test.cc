#include "policy/constants.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "bpf/syscall_table.h"
#include "policy/when.h"

using CompareConstant = std::function<void(const char* name, std::uint64_t value)>;

// Generated: the headers, and CompareWithHeaders() over every constant that they define.
#include "policy/constants_comparisons.inc"

namespace moat::policy {
namespace {

TEST(Constants, AgreeWithTheHeadersOfThisMachine) {
  std::size_t compared = 0;
  CompareWithHeaders([&](const char* name, std::uint64_t value) {
    ++compared;
    const auto ours = FindConstant(name);
    ASSERT_TRUE(ours.has_value()) << name;
    EXPECT_EQ(*ours, value) << name;
  });
  // The rest is newer than the headers. If this shrinks, an #include got lost.
  EXPECT_GT(compared, Constants().size() * 95 / 100);
  RecordProperty("compared", static_cast<int>(compared));
}

TEST(Constants, AreSortedAndMany) {
  EXPECT_GE(Constants().size(), 300U);
  for (std::size_t i = 1; i < Constants().size(); ++i) {
    EXPECT_LT(Constants()[i - 1].name, Constants()[i].name);
  }
}

TEST(Constants, DependOnTheAbi) {
  EXPECT_EQ(FindConstant("O_DIRECTORY", bpf::Abi::kX86_64), 0x10000U);
  EXPECT_EQ(FindConstant("O_DIRECTORY", bpf::Abi::kAarch64), 0x4000U);
  EXPECT_EQ(FindConstant("O_LARGEFILE", bpf::Abi::kX86_64), 0x8000U);
  EXPECT_EQ(FindConstant("AT_FDCWD"), static_cast<std::uint64_t>(-100));
  EXPECT_EQ(FindConstant("PR_SET_NAME"), 15U);
  EXPECT_EQ(FindConstant("TIOCSTI"), 0x5412U);
  EXPECT_EQ(FindConstant(""), std::nullopt);
  EXPECT_EQ(FindConstant("O_CREAT "), std::nullopt);
  EXPECT_EQ(FindConstant("o_creat"), std::nullopt);
}

}  // namespace
}  // namespace moat::policy
