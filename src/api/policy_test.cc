#include "moat/policy.h"

#include <gtest/gtest.h>

#include "api/testing.h"

namespace moat {
namespace {

using testing::Folder;

TEST(Policy, IsFoundByName) {
  auto policy = Policy::Load("default");
  ASSERT_TRUE(policy.ok()) << policy.error().ToString();
  EXPECT_EQ(policy->name(), "default");
  EXPECT_NE(policy->ToToml().find("[limits]"), std::string::npos);
}

TEST(Policy, IsReadFromAPath) {
  const Folder folder;
  const std::string path = folder.Write("thumbnail.toml", "moat = 1\nbase = \"default\"\n[limits]\nwall = \"7s\"\n");
  auto policy = Policy::Load(path);
  ASSERT_TRUE(policy.ok()) << policy.error().ToString();
  EXPECT_NE(policy->ToToml().find("wall = \"7s\""), std::string::npos);
}

TEST(Policy, GivenFoldersComeFirst) {
  const Folder folder;
  folder.Write("default.toml", "moat = 1\ndescription = \"mine\"\n");
  auto mine = Policy::Load("default", {{folder / ""}, PolicyLoadOptions::Standard::kSearch});
  ASSERT_TRUE(mine.ok()) << mine.error().ToString();
  EXPECT_NE(mine->ToToml().find("mine"), std::string::npos);
  auto none = Policy::Load("imagemagick", {{folder / ""}, PolicyLoadOptions::Standard::kIgnore});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kPolicy);
}

TEST(Policy, ErrorsNameTheLine) {
  auto policy = Policy::Parse("moat = 1\n[limits]\nmemmory = \"1G\"\n", "upload.toml");
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(policy.error().origin.file, "upload.toml");
  EXPECT_EQ(policy.error().origin.line, 3u);
  EXPECT_NE(policy.error().ToString().find("memory"), std::string::npos);
}

TEST(Policy, SetChangesThisCopyOnly) {
  auto policy = Policy::Load("default");
  ASSERT_TRUE(policy.ok());
  const Policy before = *policy;
  ASSERT_TRUE(policy->Set("wall", "77s").ok());
  EXPECT_NE(policy->ToToml().find("wall = \"77s\""), std::string::npos);
  EXPECT_EQ(before.ToToml().find("wall = \"77s\""), std::string::npos);
}

TEST(Policy, AFailedSetChangesNothing) {
  auto policy = Policy::Load("default");
  ASSERT_TRUE(policy.ok());
  const std::string before = policy->ToToml();
  EXPECT_FALSE(policy->Set("wall", "77").ok());  // no unit
  EXPECT_FALSE(policy->Set("wal", "77s").ok());
  EXPECT_EQ(policy->ToToml(), before);
}

}  // namespace
}  // namespace moat
