// Programs call what is newer than the policy, or refused by it: they must fall back, not die.
#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::GuestPath;

std::vector<std::string> StockProfiles() {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator(testkit::SourceFolder() + "/profiles")) {
    if (file.path().extension() == ".toml") names.push_back(file.path().stem());
  }
  std::sort(names.begin(), names.end());
  EXPECT_FALSE(names.empty());
  return names;
}

class NewCalls : public testkit::CallerTest {
 protected:
  // The errno of one raw call, 0 when it worked; -1 when the process did not live to tell.
  int ErrnoOf(const std::string& profile, const std::vector<std::string>& call) {
    std::vector<std::string> words = {GuestPath("guest_static"), "call"};
    words.insert(words.end(), call.begin(), call.end());
    const testkit::Job job = AsCaller().Profile(profile).Run(words);
    EXPECT_EQ(job.Cause(), "exit") << job;
    const auto told = nlohmann::json::parse(job.out, nullptr, false);
    return told.is_object() ? told["errno"].get<int>() : -1;
  }
  std::string Policy(const std::string& text) { return folder_.File("policy.toml", "moat = 1\n" + text); }
};

// moby#42680
TEST_P(NewCalls, ThreadsStartUnderEveryStockProfile) {
  for (const std::string& profile : StockProfiles()) {
    for (const char* guest : {"guest_static", "guest_dynamic"}) {
      const testkit::Job job = AsCaller().Profile(profile).Flag("--read", "/usr/lib").Run({GuestPath(guest), "threads", "3"});
      EXPECT_EQ(job.out, "3 threads\n") << profile << " " << guest << "\n" << job;
    }
    EXPECT_EQ(ErrnoOf(profile, {"435", "zero", "88"}), ENOSYS) << "clone3 under " << profile;
  }
}

TEST_P(NewCalls, PythonHasThreads) {
  if (!fs::exists("/usr/bin/python3")) GTEST_SKIP() << "Python is not installed";
  const testkit::Job job = AsCaller().Run(
      {"/usr/bin/python3", "-c", "import threading as t; w = t.Thread(target=print, args=('ok',)); w.start(); w.join()"});
  EXPECT_EQ(job.out, "ok\n") << job;
}

// sio2jail#34: a policy written before the C library asked for rseq.
TEST_P(NewCalls, ProgramsStartWithoutRseq) {
  const testkit::Job job = AsCaller().Profile(Policy("base = \"default\"\n[syscalls]\ndeny = [\"rseq\"]\n")).Run({"true"});
  EXPECT_EQ(job.exit_code(), 0) << job;
}

// void-packages#18737: siblings come together.
TEST_P(NewCalls, AGroupHasBothWaysToSleep) {
  const std::string policy =
      Policy("base = \"default\"\n[syscalls]\nallow = [\"@none\", \"@essential\", \"execve\", \"@io\", \"@files\", \"@memory\", \"@threads\", \"@prctl\", \"@time\"]\n");
  EXPECT_EQ(ErrnoOf(policy, {"35", "zero", "0"}), 0) << "nanosleep";
  EXPECT_EQ(ErrnoOf(policy, {"230", "1", "0", "zero", "0"}), 0) << "clock_nanosleep";
  const testkit::Job job = AsCaller().Profile(policy).Run({"sleep", "0.01"});
  EXPECT_EQ(job.exit_code(), 0) << job;
}

// docker-ce-packaging#1013
TEST_P(NewCalls, WhatIsNewIsUnknownAndNotForbidden) {
  for (const std::string& profile : StockProfiles()) {
    EXPECT_NE(ErrnoOf(profile, {"452", "-100", "text:/tmp", "0755", "0"}), EPERM) << "fchmodat2 under " << profile;
    for (const char* number : {"9999", "600", "1000000"}) {
      EXPECT_EQ(ErrnoOf(profile, {number}), ENOSYS) << number << " under " << profile;
    }
  }
}

// systemd#21350: a handful of groups is all that the dynamic loader needs.
TEST_P(NewCalls, TheGroupsOfTheReferenceAreEnoughForTheLoader) {
  const std::string policy = Policy("base = \"default\"\n[syscalls]\nallow = [\"@none\", \"@essential\", \"execve\", \"@io\", \"@files\", \"@memory\", \"@threads\", \"@prctl\"]\n");
  const testkit::Job job = AsCaller().Profile(policy).Run({GuestPath("guest_dynamic"), "exit", "9"});
  EXPECT_EQ(job.exit_code(), 9) << job;
}

// go-microvm#76
TEST_P(NewCalls, ProbingForIoUringIsHarmless) {
  for (const std::string& profile : StockProfiles()) {
    EXPECT_EQ(ErrnoOf(profile, {"425", "4", "zero"}), ENOSYS) << "io_uring_setup under " << profile;
  }
}

// firejail#3064: get_mempolicy, set_mempolicy, mbind, migrate_pages.
TEST_P(NewCalls, ProbingForNumaIsHarmless) {
  for (const std::string& profile : StockProfiles()) {
    for (const char* number : {"239", "238", "237", "256"}) {
      const int error = ErrnoOf(profile, {number, "0", "0", "0", "0", "0"});
      EXPECT_TRUE(error == 0 || error == ENOSYS) << number << " under " << profile << ": " << error;
    }
  }
}

// kafel#19, elastic/ml-cpp#3080: the other door into the kernel is shut.
TEST_P(NewCalls, TheGateOf32BitProgramsIsShut) {
  for (const std::string& profile : StockProfiles()) {
    const testkit::Job job = AsCaller().Profile(profile).Run({GuestPath("guest_static"), "int80", "20"});
    EXPECT_EQ(job.exit_code(), 128 + 9) << profile << "\n" << job;
    EXPECT_EQ(job.Cause(), "denied") << job;
    EXPECT_GE(job.report["denials"]["count"].get<int>(), 1) << job;
  }
}

// codex#10814: no ring, so nothing behind the filter's back. firejail#87: x32.
TEST_P(NewCalls, NoOtherWayAroundTheFilter) {
  for (const std::string& profile : StockProfiles()) {
    const testkit::Job x32 = AsCaller().Profile(profile).Run({GuestPath("guest_static"), "call", "0x40000027"});
    const bool killed = x32.exit_code() == 128 + 9;
    EXPECT_TRUE(killed || x32.out.find("\"errno\": 38") != std::string::npos) << profile << "\n" << x32;
    const testkit::Job inet = AsCaller().Profile(profile).Run({GuestPath("guest_static"), "call", "41", "0x100000002", "1", "0"});
    EXPECT_TRUE(inet.Cause() == "denied" || inet.out.find("\"errno\": 1}") != std::string::npos)
        << "socket(AF_INET) with high bits under " << profile << "\n" << inet;
  }
}

MOAT_AS_BOTH_CALLERS(NewCalls);

}  // namespace
}  // namespace moat
