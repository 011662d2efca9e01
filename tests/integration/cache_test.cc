// Plans are compiled once: the second run is the same job, a changed policy is noticed, and
// nobody else can slip one in.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;

// As an ordinary user: that cache is where the test says, root's is the machine's.
class Cache : public testing::Test {
 protected:
  void SetUp() override {
    const std::string against = testkit::ReasonAgainst(testkit::Caller::kUser);
    if (!against.empty()) GTEST_SKIP() << against;
    if (::geteuid() == 0) folder_.GiveTo(testkit::UserId());
  }
  testkit::Moat Moat() const { return testkit::Moat(testkit::Caller::kUser).Env("XDG_CACHE_HOME", folder_ / "cache"); }
  std::string folder() const { return folder_ / "cache/moat"; }

  std::vector<fs::path> Plans() const {
    std::vector<fs::path> plans;
    if (!fs::exists(folder())) return plans;
    for (const auto& entry : fs::directory_iterator(folder())) plans.push_back(entry.path());
    return plans;
  }
  std::string Policy(const std::string& value) const {
    return folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n[environment.set]\nWHICH = \"" + value + "\"\n");
  }
  static std::string Which(const testkit::Moat& moat) { return moat.Run({"sh", "-c", "echo $WHICH"}).out; }

  testkit::TempDir folder_;
};

TEST_F(Cache, TheSecondRunUsesTheFirstOnesPlan) {
  EXPECT_EQ(Moat().Run({"echo", "1"}).out, "1\n");
  ASSERT_EQ(Plans().size(), 1U);
  struct stat before {}, after {};
  ASSERT_EQ(::stat(Plans()[0].c_str(), &before), 0);
  EXPECT_EQ(before.st_mode & 0777, 0600U);
  EXPECT_EQ(Moat().Run({"echo", "2"}).out, "2\n") << "arguments are no part of a plan";
  ASSERT_EQ(Plans().size(), 1U);
  ASSERT_EQ(::stat(Plans()[0].c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST_F(Cache, AChangedPolicyIsNoticed) {
  auto moat = Moat().Profile(Policy("one"));
  EXPECT_EQ(Which(moat), "one\n");
  Policy("two");  // of the same length, perhaps within the same second
  EXPECT_EQ(Which(moat), "two\n");
  fs::remove(folder_ / "policy.toml");
  EXPECT_EQ(moat.Run({"true"}).exit_code(), 125) << "and so is one that is gone";
}

TEST_F(Cache, AChangedBaseIsNoticed) {
  folder_.File("base.toml", "moat = 1\nbase = \"default\"\n[environment.set]\nWHICH = \"one\"\n");
  auto moat = Moat().Profile(folder_.File("derived.toml", "moat = 1\nbase = \"./base.toml\"\n"));
  EXPECT_EQ(Which(moat), "one\n");
  folder_.File("base.toml", "moat = 1\nbase = \"default\"\n[environment.set]\nWHICH = \"two\"\n");
  EXPECT_EQ(Which(moat), "two\n");
}

TEST_F(Cache, AShownPathThatIsGoneIsNoticed) {
  const std::string data = folder_.Folder("data");
  folder_.File("data/x", "x");
  auto moat = Moat().Flag("--read", data);
  EXPECT_EQ(moat.Run({"cat", data + "/x"}).out, "x");
  fs::remove_all(data);
  const testkit::Job job = moat.Run({"echo", "ran"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "");
}

TEST_F(Cache, FlagsMakeAnotherPlan) {
  EXPECT_EQ(Moat().Flag("--files", "100").Run({"sh", "-c", "ulimit -n"}).out, "100\n");
  EXPECT_EQ(Moat().Flag("--files", "101").Run({"sh", "-c", "ulimit -n"}).out, "101\n");
  EXPECT_EQ(Moat().Flag("--files", "100").Run({"sh", "-c", "ulimit -n"}).out, "100\n");
}

// The plan of one policy made up as that of another: in a folder of one's own it is believed,
// which shows that the attack is one; where others could have put it, it is not.
TEST_F(Cache, WhatOthersCouldHaveWrittenIsNotRead) {
  auto honest = Moat().Profile(folder_.File("honest.toml", "moat = 1\nbase = \"default\"\n[environment.set]\nWHICH = \"honest\"\n"));
  auto forged = Moat().Profile(folder_.File("forged.toml", "moat = 1\nbase = \"default\"\n[environment.set]\nWHICH = \"forged\"\n"));
  ASSERT_EQ(Which(honest), "honest\n");
  ASSERT_EQ(Plans().size(), 1U);
  const fs::path name = Plans()[0];
  ASSERT_EQ(Which(forged), "forged\n");
  const auto plans = Plans();
  ASSERT_EQ(plans.size(), 2U);
  const fs::path other = plans[0] == name ? plans[1] : plans[0];
  std::string forgery = testkit::ReadFile(other);
  const std::string key = name.stem();
  ASSERT_GT(forgery.size(), key.size());
  ASSERT_TRUE(testkit::WriteFile(name, forgery));
  ASSERT_EQ(Which(honest), "honest\n") << "a plan says whose it is";
  forgery.replace(forgery.size() - key.size(), key.size(), key);
  ASSERT_TRUE(testkit::WriteFile(name, forgery));
  ASSERT_EQ(Which(honest), "forged\n") << "the control: a forged plan is believed";

  ASSERT_EQ(::chmod(folder().c_str(), 0777), 0);
  EXPECT_EQ(Which(honest), "honest\n") << "a folder that anyone may write";
  ASSERT_EQ(::chmod(folder().c_str(), 0770), 0);
  EXPECT_EQ(Which(honest), "honest\n") << "a folder that a group may write";
  ASSERT_EQ(::chmod(folder().c_str(), 0700), 0);
  ASSERT_EQ(::chmod(name.c_str(), 0622), 0);
  EXPECT_EQ(Which(honest), "honest\n") << "a file that others may write";
}

TEST_F(Cache, AFolderOfSomebodyElseIsNotUsed) {
  if (::geteuid() != 0) GTEST_SKIP() << "the tests do not run as root";
  fs::create_directories(folder());
  ASSERT_EQ(::chown((folder_ / "cache").c_str(), testkit::UserId(), testkit::UserId()), 0);
  EXPECT_EQ(Moat().Run({"echo", "ran"}).out, "ran\n");
  EXPECT_TRUE(Plans().empty()) << "root's folder was written by somebody else?";
}

TEST_F(Cache, ALinkIsNotFollowed) {
  const std::string elsewhere = folder_.Folder("elsewhere", 0700);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(elsewhere.c_str(), testkit::UserId(), testkit::UserId()), 0);
  }
  fs::create_directory(folder_ / "cache");
  fs::create_directory_symlink(elsewhere, folder());
  EXPECT_EQ(Moat().Run({"echo", "ran"}).out, "ran\n");
  EXPECT_TRUE(fs::is_empty(elsewhere));
}

// As a file system without power leaves it: a block of nothing.
std::string Holed(std::string text, std::size_t at) {
  for (std::size_t i = at; i < text.size() && i < at + 16; ++i) text[i] = text[i] == '\0' ? '\1' : '\0';
  return text;
}

TEST_F(Cache, GarbageIsNoPlan) {
  ASSERT_EQ(Moat().Run({"echo", "ran"}).out, "ran\n");
  const fs::path plan = Plans()[0];
  const std::string whole = testkit::ReadFile(plan);
  for (const std::string& text : {std::string(), std::string("garbage"), whole.substr(0, whole.size() / 2), std::string(whole.size(), '\0'),
                                  whole.substr(0, 64), whole + "more", Holed(whole, 0), Holed(whole, whole.size() / 2),
                                  Holed(whole, whole.size() - 160)}) {
    ASSERT_TRUE(testkit::WriteFile(plan, text));
    EXPECT_EQ(Moat().Run({"echo", "ran"}).out, "ran\n") << text.size();
  }
}

TEST_F(Cache, NoCacheLeavesNothing) {
  EXPECT_EQ(Moat().Flag("--no-cache").Run({"echo", "ran"}).out, "ran\n");
  EXPECT_TRUE(Plans().empty());
}

TEST_F(Cache, WithoutAHomeItWorksAllTheSame) {
  EXPECT_EQ(Moat().NoEnvironment().Run({"echo", "ran"}).out, "ran\n");
  EXPECT_EQ(Moat().Env("XDG_CACHE_HOME", "relative").Env("HOME", "").Run({"echo", "ran"}).out, "ran\n");
}

TEST_F(Cache, ColdStartsAtTheSameTime) {
  std::vector<testkit::RunningJob> jobs;
  for (int i = 0; i < 8; ++i) jobs.push_back(Moat().Start({"echo", "ran"}));
  for (auto& job : jobs) EXPECT_EQ(job.Finish().out, "ran\n");
  const auto plans = Plans();
  ASSERT_EQ(plans.size(), 1U) << "temporary files are left";
  EXPECT_EQ(plans[0].extension(), ".plan");
}

// A secret that is passed on is no part of what is kept.
TEST_F(Cache, SecretsAreNotKept) {
  ASSERT_EQ(Moat().Env("TOKEN", "s3cr3t-1").Flag("--env", "TOKEN").Flag("--env", "OTHER=s3cr3t-2").Run({"sh", "-c", "echo $TOKEN $OTHER"}).out,
            "s3cr3t-1 s3cr3t-2\n");
  for (const auto& plan : Plans()) EXPECT_EQ(testkit::ReadFile(plan).find("s3cr3t"), std::string::npos) << plan;
}

}  // namespace
}  // namespace moat
