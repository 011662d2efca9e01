// `enforce` below 100%: which jobs are enforced, what the others are let do, and what a folder of reports tells.
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::GuestPath;

class Rollout : public testkit::CallerTest {
 protected:
  // getpriority (140) is refused here and allowed by `default`; keyctl (250) by neither.
  std::string Policy(const std::string& enforce, const std::string& more = "") {
    return folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"getpriority\"\ndo = \"EACCES\"\nreason = \"a test\"\n" +
                                           more + "[mode]\nenforce = \"" + enforce + "\"\n");
  }
  testkit::Job Call(const std::string& number, const std::vector<std::pair<std::string, std::string>>& flags = {}) {
    testkit::Moat moat = AsCaller().Profile((folder_ / "policy.toml").string());
    for (const auto& [name, value] : flags) moat.Flag(name, value);
    return moat.Run({GuestPath("guest_static"), "call", number, "0", "0"});
  }
  // What the kernel says to who is let: 20 less the niceness that everybody here inherits.
  static std::string Answered() {
    return "{\"result\": " + std::to_string(20 - getpriority(PRIO_PROCESS, 0)) + ", \"errno\": 0}\n";
  }
  testkit::Finished Summary(const std::vector<std::string>& flags = {}) {
    testkit::Command command = AsCaller().ToCommand({});
    command.argv = {testkit::MoatPath(), "explain", "--summary", (folder_ / "reports").string()};
    command.argv.insert(command.argv.end(), flags.begin(), flags.end());
    return testkit::Process(command).Finish();
  }
};

TEST_P(Rollout, AReportedJobIsLetDoWhatDefaultAllowsAndSaysSo) {
  Policy("0%");
  const testkit::Job job = Call("140");
  EXPECT_EQ(job.out, Answered()) << job;
  EXPECT_EQ(job.report["side"], "reported") << job;
  EXPECT_EQ(job.report["denials"]["count"], 1) << job;
  EXPECT_EQ(job.report["denials"]["kinds"][0]["action"], "reported") << job;
  EXPECT_NE(job.err.find("moat: report mode: 1 calls that "), std::string::npos) << job;
}

TEST_P(Rollout, WhatDefaultRefusesStaysRefused) {
  Policy("0%", "[[syscalls.rule]]\ncall = \"prctl\"\ndo = \"EPERM\"\nreason = \"a test\"\n");
  const testkit::Job dangerous = Call("250");
  EXPECT_EQ(dangerous.out, "{\"result\": -1, \"errno\": 1}\n") << dangerous;
  EXPECT_EQ(dangerous.report["denials"]["kinds"][0]["action"], "errno EPERM") << dangerous;
  // prctl is a call of tier 2; PR_SET_SECCOMP and an unfit option are not let through for that.
  const testkit::Job filter = AsCaller().Profile((folder_ / "policy.toml").string()).Run({GuestPath("guest_static"), "call", "157", "22", "1"});
  EXPECT_EQ(filter.out, "{\"result\": -1, \"errno\": 1}\n") << filter;
  const testkit::Job harmless = AsCaller().Profile((folder_ / "policy.toml").string()).Run({GuestPath("guest_static"), "call", "157", "3"});
  EXPECT_EQ(harmless.out.find("\"result\": -1"), std::string::npos) << harmless;
}

TEST_P(Rollout, WithAllEnforcedNothingIsDivided) {
  Policy("100%");
  const testkit::Job job = Call("140");
  EXPECT_EQ(job.out, "{\"result\": -1, \"errno\": 13}\n") << job;
  EXPECT_TRUE(job.report["side"].is_null()) << job;
}

// The same key, the same side; a larger share keeps the jobs of a smaller one.
TEST_P(Rollout, TheKeyDecides) {
  std::vector<bool> half, most;
  for (const char* share : {"50%", "80%"}) {
    Policy(share);
    for (int key = 0; key < 12; ++key) {
      const testkit::Job job = Call("140", {{"--key", "job " + std::to_string(key)}});
      const bool enforced = job.report["side"] == "enforced";
      EXPECT_EQ(job.out, enforced ? "{\"result\": -1, \"errno\": 13}\n" : Answered()) << job;
      (share == std::string("50%") ? half : most).push_back(enforced);
    }
  }
  EXPECT_NE(half, std::vector<bool>(12, true));
  EXPECT_NE(half, std::vector<bool>(12, false));
  for (std::size_t i = 0; i < half.size(); ++i) EXPECT_LE(half[i], most[i]) << i;
}

TEST_P(Rollout, OffIsAFlagAndNoSettingOfAFile) {
  Policy("100%");
  const testkit::Job off = Call("140", {{"--enforce", "off"}});
  EXPECT_EQ(off.out, Answered()) << off;
  EXPECT_EQ(off.report["side"], "off") << off;
  EXPECT_EQ(Call("250", {{"--enforce", "off"}}).out, "{\"result\": -1, \"errno\": 1}\n") << "the calls of `default`, no more";
  Policy("off");
  EXPECT_EQ(Call("140").Cause(), "setup");
}

// The article's story: results of exactly 1 MB, found by the tool.
TEST_P(Rollout, ASummaryComparesTheSidesAndFindsTheLimit) {
  const std::string reports = folder_.Folder("reports", 0777), outs = folder_.Folder("outs", 0777);
  Policy("50%");
  for (int i = 0; i < 12; ++i) {
    const std::string name = std::to_string(i), input = folder_.File("in" + name + (i < 4 ? ".big" : ".small"), std::string(i < 4 ? 5000 : 50, 'x'));
    const testkit::Job job = AsCaller().Profile((folder_ / "policy.toml").string()).Flag("--file-size", "1M").Input(input).Output(outs + "/" + name)
                                 .Flag("--key", name).Run(i < 4 ? std::vector<std::string>{"sh", "-c", "head -c 3M /dev/zero > {out}/x"}
                                                                : std::vector<std::string>{GuestPath("guest_static"), "call", "140", "0", "0"});
    std::ofstream(reports + "/" + name + ".json") << job.report.dump();
  }
  std::ofstream(reports + "/other.json") << "{}";
  const testkit::Finished summary = Summary();
  EXPECT_EQ(summary.exit_code(), 0) << summary.err;
  EXPECT_NE(summary.out.find("12 reports, and 1 other files\nenforced: "), std::string::npos) << summary.out;
  EXPECT_NE(summary.out.find("4 jobs: the limit `file_size` was hit"), std::string::npos) << summary.out;
  EXPECT_NE(summary.out.find("results of exactly 1048576 bytes in 4 of 4 jobs"), std::string::npos) << summary.out;
  EXPECT_NE(summary.out.find("inputs of 5000 bytes: 4 .big"), std::string::npos) << summary.out;
  EXPECT_NE(summary.out.find("would be denied: getpriority"), std::string::npos) << summary.out;
  const nlohmann::json json = nlohmann::json::parse(Summary({"--json"}).out);
  EXPECT_EQ(json["reports"], 12);
  EXPECT_EQ(json["sides"].size(), 2u);
}

MOAT_AS_BOTH_CALLERS(Rollout);

}  // namespace
}  // namespace moat
