// A case that is run twice: moat called by root, and by an ordinary user.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "testkit/moat.h"

namespace moat::testkit {

class CallerTest : public testing::TestWithParam<Caller> {
 protected:
  void SetUp() override {
    const std::string against = ReasonAgainst(GetParam());
    if (!against.empty()) GTEST_SKIP() << against;
    if (GetParam() == Caller::kUser && ::geteuid() == 0) folder_.GiveTo(UserId());
  }
  Moat AsCaller() const { return Moat(GetParam()); }
  bool is_root() const { return GetParam() == Caller::kRoot; }

  TempDir folder_;  // the caller's own
};

// For what only root's jobs have, or what needs root to be set up.
class RootTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string against = ReasonAgainst(Caller::kRoot);
    if (!against.empty()) GTEST_SKIP() << against;
  }

  TempDir folder_;
};

}  // namespace moat::testkit

#define MOAT_AS_BOTH_CALLERS(Suite)                                                                        \
  INSTANTIATE_TEST_SUITE_P(As, Suite,                                                                      \
                           testing::Values(moat::testkit::Caller::kRoot, moat::testkit::Caller::kUser), \
                           [](const auto& caller) { return std::string(moat::testkit::NameOf(caller.param)); })
