// The examples of the public headers, compiled as they stand there, and run.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "api/testing.h"
#include "moat/policy.h"
#include "moat/pool.h"
#include "moat/sandbox.h"
#include "moat/seal_policy.h"
#include "moat/worker.h"

namespace {

#include "example_policy.inc"
#include "example_sandbox.inc"

// What the examples of the seal leave to their reader.
moat::Status Convert(int, int) { return {}; }
bool NextJob(int, int) { return false; }
#include "example_seal.inc"
#include "example_seal_policy.inc"

namespace pool_example {
#include "example_pool.inc"
}

namespace worker_example {
void LoadFonts() {}
#define main ExampleMain
#include "example_worker.inc"
#undef main
}  // namespace worker_example

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


// In children: a seal is for good.
template <typename Body>
int InChild(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    ::syscall(SYS_close_range, 3U, ~0U, 0U);
    _exit(body().ok() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Examples, SealsLock) {
  const auto policy = moat::Policy::Parse("moat = 1\n[syscalls]\nallow = [\"@io\", \"@memory\"]\n", "t.toml");
  ASSERT_TRUE(policy.ok());
  const auto three = [] { return ::open("/dev/null", O_RDONLY) == 3; };
  // 0, 1 and 2 are strays there: only the shape is tried, and that nothing falls over.
  EXPECT_NE(InChild([&] { return three() ? Work(3, 1) : moat::Status(); }), -1);
  EXPECT_NE(InChild([&] { return three() ? Lock(*policy, 3, 1) : moat::Status(); }), -1);
  EXPECT_EQ(InChild([&] { return Serve(0, 1); }), 0);
}

TEST_F(Examples, AClientWithoutDaemonIsTold) {
  auto done = pool_example::Thumbnail(0, 1);
  if (done.ok()) GTEST_SKIP() << "there is a daemon here";
  EXPECT_EQ(done.error().kind, moat::ErrorKind::kSystem) << done.error().ToString();
}

TEST_F(Examples, WorkersServeAPoolOnly) {
  // No pool has started this process.
  EXPECT_EQ(InChild([] { return worker_example::ExampleMain() == 1 ? moat::Status() : moat::BugError("served"); }), 0);
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
