// The examples of the public headers, compiled as they stand there, and run.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "api/testing.h"
#include "moat/policy.h"
#include "moat/sandbox.h"

namespace {

#include "example_policy.inc"
#include "example_sandbox.inc"

using moat::testing::Folder;

class Examples : public testing::Test {
 protected:
  Examples() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_ / ""); }
  ~Examples() override { std::filesystem::current_path(before_); }

  Folder folder_;
  std::filesystem::path before_;
};

TEST_F(Examples, PolicyIsLoadedAndChanged) {
  auto policy = Thumbnails();
  ASSERT_TRUE(policy.ok()) << policy.error().ToString();
  EXPECT_NE(policy->ToToml().find("wall = \"30s\""), std::string::npos);
}


TEST_F(Examples, SandboxRunsAndTells) {
  folder_.Write("thumbnail.toml", "moat = 1\nbase = \"default\"\n");
  auto status = Thumbnail();
  if (std::filesystem::exists("/usr/bin/convert")) {
    EXPECT_TRUE(status.ok()) << status.error().ToString();
  } else {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().kind, moat::ErrorKind::kPolicy) << status.error().ToString();
  }
}

TEST_F(Examples, SandboxShowsFilesAndCaptures) {
  moat::Sandbox sandbox(moat::testing::MakePolicy());
  const std::string upload = folder_.Write("17", "P1 1 1 0");
  auto text = Identify(sandbox, upload);
  if (std::filesystem::exists("/usr/bin/identify")) {
    ASSERT_TRUE(text.ok()) << text.error().ToString();
  } else {
    ASSERT_FALSE(text.ok());
  }
}

}  // namespace
