// What comes out: plain files, and nothing else that a job leaves in the output folder.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::GuestPath;

class Outputs : public testkit::CallerTest {
 protected:
  std::string out() const { return folder_ / "out"; }
  testkit::Job Make(const std::string& script) { return AsCaller().Output(out()).Run({"sh", "-c", "cd {out}; " + script}); }
};

struct stat Facts(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts;
}

TEST_P(Outputs, OneOfEveryKind) {
  const testkit::Job job = AsCaller().Output(out()).Run({GuestPath("guest_static"), "make-outputs"});
  ASSERT_EQ(job.exit_code(), 0) << job;
  for (const char* name : {"plain", "program", "hard", "folder/inside"}) EXPECT_TRUE(fs::is_regular_file(out() + "/" + name)) << name;
  EXPECT_EQ(Facts(out() + "/program").st_mode & 07777, 0755U);
  EXPECT_EQ(Facts(out() + "/plain").st_mode & 07777, 0644U);
  EXPECT_EQ(Facts(out() + "/set-id").st_mode & 07000, 0U);
  EXPECT_EQ(Facts(out() + "/hard").st_nlink, 1U) << "a file of its own";
  for (const char* name : {"link", "near-link", "fifo", "socket"}) {
    EXPECT_FALSE(fs::exists(fs::symlink_status(out() + "/" + name))) << name;
    EXPECT_NE(job.RefusalOf(name), "") << name << " is not named\n" << job;
  }
  EXPECT_NE(job.RefusalOf("link").find("symbolic link"), std::string::npos) << job;
  EXPECT_NE(job.err.find("fifo"), std::string::npos) << "a person is told too: " << job.err;
  EXPECT_EQ(job.out, "chmod set-id: Operation not permitted\n") << "the guest met more walls than it should\n" << job;
}

TEST_P(Outputs, NamesThatConfuseAreMadeHarmless) {
  const testkit::Job job = AsCaller().Output(out()).Run({GuestPath("guest_static"), "make-outputs"});
  for (const auto& entry : fs::directory_iterator(out())) {
    const std::string name = entry.path().filename();
    EXPECT_NE(name[0], '-');
    for (const unsigned char c : name) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << name;
  }
  EXPECT_EQ(testkit::ReadFile(out() + "/%2Drf"), "dash\n") << job;
  EXPECT_EQ(testkit::ReadFile(out() + "/new%0Aline"), "line\n") << job;
  EXPECT_EQ(testkit::ReadFile(out() + "/%FF%FE"), "bytes\n") << job;
  EXPECT_EQ(job.err.find('\033'), std::string::npos) << "an escape sequence reached the terminal";
}

// judge0#550
TEST_P(Outputs, ALinkToTheHostGivesNothingAway) {
  const std::string secret = folder_.File("secret", "s3cr3t\n", 0600);
  const testkit::Job job = Make("ln -s " + secret + " a; ln -s /etc/shadow b; ln -s .. c; ln -s /proc/self/environ d; mkdir e; ln -s /etc e/f");
  EXPECT_EQ(job.report["outputs"].size(), 1U) << job;
  EXPECT_EQ(job.report["refused"].size(), 5U) << job;
  EXPECT_TRUE(fs::is_empty(out() + "/e"));
}

TEST_P(Outputs, AHugeSparseFileIsCutAndNamed) {
  const testkit::Job job = AsCaller().Output(out()).Flag("--output", "1M").Run({GuestPath("guest_static"), "sparse", "/out/huge", "0x280000000"});
  EXPECT_EQ(job.Cause(), "output") << job;
  EXPECT_TRUE(job.Hit("output")) << job;
  const bool named = job.RefusalOf("huge") != "" || (!job.OutputNamed("huge").is_null() && job.OutputNamed("huge")["truncated"].get<bool>());
  EXPECT_TRUE(named) << job;
  EXPECT_TRUE(!fs::exists(out() + "/huge") || fs::file_size(out() + "/huge") <= 1U << 20);
}

TEST_P(Outputs, WhatFitsIsKept) {
  const testkit::Job job = AsCaller().Output(out()).Flag("--output", "64K").Run(
      {"sh", "-c", "cd /out; echo first > a; head -c 100000 /dev/zero > b; echo $?"});
  EXPECT_EQ(testkit::ReadFile(out() + "/a"), "first\n") << job;
  EXPECT_LE(fs::file_size(out() + "/b"), 65536U);
}

TEST_P(Outputs, TooManyFilesAreALimitOfTheirOwn) {
  const testkit::Job job = AsCaller().Output(out()).Flag("--output-files", "10").Run(
      {"sh", "-c", "cd /out; i=0; while [ $i -lt 50 ]; do : > f$i; i=$((i+1)); done"});
  EXPECT_EQ(job.Cause(), "output") << job;
  EXPECT_LE(std::distance(fs::directory_iterator(out()), {}), 10);
}

TEST_P(Outputs, OutputOfAFailedJobIsKept) {
  const testkit::Job job = Make("echo partial > p; exit 3");
  EXPECT_EQ(job.exit_code(), 3);
  EXPECT_EQ(testkit::ReadFile(out() + "/p"), "partial\n");
  const testkit::Job wall = testkit::WithAClock(
      [&](const char* clock) {
        return AsCaller().Output(out()).Flag("--wall", clock).Flag("--grace", "0s").Run({"sh", "-c", "echo before > /out/q; sleep 3000"});
      },
      [&](const testkit::Job&) { return fs::exists(out() + "/q") && fs::file_size(out() + "/q") != 0; });
  EXPECT_EQ(wall.Cause(), "wall") << wall;
  EXPECT_EQ(testkit::ReadFile(out() + "/q"), "before\n");
}

TEST_P(Outputs, DestinationLinksAreNotFollowed) {
  const std::string victim = folder_.File("victim", "untouched\n", 0666);
  fs::create_directory(out());
  if (!is_root() && ::geteuid() == 0) {
    ASSERT_EQ(::chown(out().c_str(), testkit::UserId(), testkit::UserId()), 0);
  }
  fs::create_symlink(victim, out() + "/result");
  fs::create_directory_symlink(folder_.path(), out() + "/folder");
  const testkit::Job job = Make("echo new > result; mkdir folder; echo new > folder/victim");
  EXPECT_EQ(testkit::ReadFile(victim), "untouched\n") << job;
  EXPECT_EQ(testkit::ReadFile(out() + "/result"), "new\n") << job;
}

TEST_P(Outputs, TheFolderIsMadeAndBelongsToTheCaller) {
  const testkit::Job job = Make("mkdir -p a/b; echo x > a/b/c; chmod 0 a/b/c; chmod 0500 a/b");
  ASSERT_EQ(job.exit_code(), 0) << job;
  const uid_t caller = is_root() ? 0 : ::geteuid() == 0 ? testkit::UserId() : ::geteuid();
  for (const char* name : {"", "/a", "/a/b", "/a/b/c"}) EXPECT_EQ(Facts(out() + name).st_uid, caller) << name;
  EXPECT_EQ(testkit::ReadFile(out() + "/a/b/c"), "x\n") << "a mode is no reason to lose a result";
}

TEST_P(Outputs, AFolderThatCannotBeMadeIsToldBeforeTheJobRuns) {
  const std::string file = folder_.File("file", "x");
  for (const std::string& path : {file, (folder_ / "no/such/folder").string(), std::string("/proc/x")}) {
    const testkit::Job job = AsCaller().Output(path).Run({"echo", "ran"});
    EXPECT_EQ(job.exit_code(), 125) << path << "\n" << job;
    EXPECT_EQ(job.out, "") << path;
  }
}

TEST_P(Outputs, WithoutAFolderNothingIsCollected) {
  const testkit::Job job = AsCaller().Run({"sh", "-c", "ls -d /out; echo x > /tmp/lost"});
  EXPECT_TRUE(job.report["outputs"].empty()) << job;
}

MOAT_AS_BOTH_CALLERS(Outputs);

}  // namespace
}  // namespace moat
