#include "moat/seal_policy.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace moat {
namespace {

Result<PolicySeal> From(std::string_view text) {
  auto policy = Policy::Parse(text, "test.toml");
  EXPECT_TRUE(policy.ok()) << policy.error().ToString();
  return SealOf(*policy, SealSelfTest::kOff);
}

bool Notes(const PolicySeal& made, std::string_view words) {
  for (const std::string& line : made.without_meaning) {
    if (line.find(words) != std::string::npos) return true;
  }
  return false;
}

TEST(SealPolicy, TakesWhatHasMeaning) {
  const auto made = From("moat = 1\n[limits]\nfile_size = \"1M\"\nwall = \"3s\"\n[syscalls]\nallow = [\"@io\", \"@memory\", \"@time\"]\ndefault = \"EACCES\"\n");
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  const SealRequest& request = made->seal.request();
  EXPECT_TRUE(request.Has(SealGrant::kMemory));
  EXPECT_TRUE(request.Has(SealGrant::kTime));
  EXPECT_FALSE(request.Has(SealGrant::kRandom));
  EXPECT_EQ(request.threads, SealThreads::kNone);
  EXPECT_EQ(request.violation, SealViolation::kErrno);
  EXPECT_EQ(request.violation_errno, EACCES);
  EXPECT_EQ(request.file_size, 1048576U);
  EXPECT_TRUE(Notes(*made, "[limits] wall"));
}

// What a jail confines by its mounts would be the host's own files here.
TEST(SealPolicy, LeavesOutAndNamesWhatHasNone) {
  const auto made = From("moat = 1\n[files]\nread = [\"/usr\"]\n[syscalls]\nallow = [\"@io\", \"@files\", \"@sockets\", \"@process\"]\ndefault = \"kill\"\n");
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  const auto& request = made->seal.request();
  EXPECT_EQ(request.violation, SealViolation::kKill);
  for (const SealGrant grant : {SealGrant::kReadPaths, SealGrant::kWritePaths, SealGrant::kInternet, SealGrant::kProcesses,
                                SealGrant::kExecute, SealGrant::kAnyRead, SealGrant::kDescriptors}) {
    EXPECT_FALSE(request.Has(grant));
  }
  EXPECT_TRUE(Notes(*made, "[files]"));
  EXPECT_TRUE(Notes(*made, "@files"));
  EXPECT_TRUE(Notes(*made, "openat"));
  EXPECT_TRUE(Notes(*made, "@sockets"));
}

}  // namespace
}  // namespace moat
