// `moat attack` as its users run it: what it says of a good policy, of a bad one, of a seal and of others, and
// that a weakened jail is for its probe alone.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "testkit/moat.h"
#include "testkit/temp_dir.h"

namespace moat {
namespace {

using Json = nlohmann::json;

class AttackCommand : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "the controls need root";
  }
  static testkit::Finished Run(std::vector<std::string> words) {
    testkit::Command command;
    command.argv = {testkit::MoatPath()};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.environment = testkit::OwnEnvironment();
    command.timeout = std::chrono::minutes(8);
    return testkit::Run(command);
  }
  static testkit::Finished Attack(std::vector<std::string> words) {
    words.insert(words.begin(), {"attack", "--json"});
    return Run(words);
  }
  // The fate of one probe in one column.
  static std::string Fate(const testkit::Finished& done, const std::string& probe, std::size_t column = 0) {
    const Json card = Json::parse(done.out, nullptr, false);
    if (card.is_discarded()) return "no card: " + done.out + done.err;
    for (const Json& row : card["probes"]) {
      if (row["probe"] == probe) return row["answers"][column]["fate"];
    }
    return "not tried";
  }
  testkit::TempDir folder_;
};

TEST_F(AttackCommand, FindsWhatABadPolicyLetsThrough) {
  const std::string bad = folder_.File("bad.toml", "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"add_key\"\ndo = \"allow\"\nreason = \"for the test of the probe\"\n");
  const auto done = Attack({"--only", "add-key", "--only", "keeps-groups", bad});
  EXPECT_EQ(done.exit_code(), 1) << done.out << done.err;
  EXPECT_EQ(Fate(done, "add-key"), "open");
  EXPECT_EQ(Attack({"--only", "add-key", "default"}).exit_code(), 0);
}

TEST_F(AttackCommand, WhatThePolicyAcceptsDoesNotFail) {
  const std::string policy = folder_.File("accepts.toml",
      "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"add_key\"\ndo = \"allow\"\nreason = \"for the test of the probe\"\n"
      "[attack]\nallow = [{ probe = \"add-key\", reason = \"this is the test of exceptions\" }]\n");
  EXPECT_EQ(Attack({"--only", "add-key", policy}).exit_code(), 0);
  const std::string unknown = folder_.File("unknown.toml",
      "moat = 1\nbase = \"default\"\n[attack]\nallow = [{ probe = \"ad-key\", reason = \"this is the test of exceptions\" }]\n");
  EXPECT_EQ(Attack({"--only", "add-key", unknown}).exit_code(), 125);
}

TEST_F(AttackCommand, ALayerThatIsAwayHoldsNothing) {
  const auto done = Attack({"--only", "no-filter", "--only", "shares-ipc-namespace", "--without", "seccomp", "--without", "ipc"});
  EXPECT_EQ(Fate(done, "no-filter", 0), "closed");
  EXPECT_EQ(Fate(done, "no-filter", 1), "open");
  EXPECT_EQ(Fate(done, "no-filter", 2), "closed");
  EXPECT_EQ(Fate(done, "shares-ipc-namespace", 2), "open");
  EXPECT_EQ(done.exit_code(), 0) << "only the whole jail counts\n" << done.out;
}

// There is no way to a weaker jail for a real job, by accident or else.
TEST_F(AttackCommand, LayersAreLeftOutForTheProbeAlone) {
  const std::string probe = testkit::BuildFolder() + "/libexec/moat/moat-probe";
  const std::string copy = folder_ / "moat-probe";
  std::filesystem::copy_file(probe, copy);
  for (const std::string& program : {std::string("/bin/true"), copy, probe + "/../moat-probe", std::string("moat-probe")}) {
    const auto done = Run({"run", "--without", "seccomp", "--", program});
    EXPECT_EQ(done.exit_code(), 125) << program << done.err;
    EXPECT_NE(done.err.find("never for a job"), std::string::npos) << done.err;
  }
  EXPECT_EQ(Run({"run", "--without", "mounts", "--", probe, "--list"}).exit_code(), 125);
  EXPECT_EQ(Run({"run", "--without", "seccomp", "--", probe, "--list"}).exit_code(), 0);
  // And nothing of it is remembered: the same command without the flag is whole again.
  const auto whole = Run({"run", "--", probe, "no-filter"});
  EXPECT_EQ(whole.out.substr(0, 6), "CLOSED") << whole.out << whole.err;
}

TEST_F(AttackCommand, ASealIsAttackedFromWithin) {
  for (const char* preset : {"stdio", "pure", "strict"}) {
    const auto done = Attack({"--sealed", preset});
    EXPECT_EQ(done.exit_code(), 0) << preset << "\n" << done.out << done.err;
    EXPECT_EQ(Fate(done, "add-key"), "closed") << preset;
  }
}

TEST_F(AttackCommand, OthersStandBeside) {
  const auto done = Attack({"--only", "add-key", "--only", "shares-ipc-namespace", "--against", "bare"});
  EXPECT_EQ(Fate(done, "add-key", 0), "closed");
  EXPECT_EQ(Fate(done, "add-key", 1), "open") << done.out << done.err;
  const auto own = Attack({"--only", "add-key", "--against", "env", "--", "/usr/bin/env", "A=b"});
  EXPECT_EQ(Fate(own, "add-key", 1), "open") << own.out << own.err;
  EXPECT_EQ(Attack({"--against", "no-such-sandbox"}).exit_code(), 125);
}

TEST_F(AttackCommand, ThePageStandsAlone) {
  const std::string page = folder_ / "card.html";
  EXPECT_EQ(Attack({"--only", "add-key", "--html", page}).exit_code(), 0);
  EXPECT_NE(testkit::ReadFile(page).find("<!DOCTYPE html>"), std::string::npos);
}

TEST_F(AttackCommand, WrongWordsAreRefused) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--only", "no-such-probe"}, {"--without", "everything"},
                                                {"--no-such-flag"}, {"default", "another"}, {"no-such-policy"},
                                                {"--sealed", "stdio", "--layers"}, {"default", "--", "/bin/true"}}) {
    const auto done = Attack(words);
    EXPECT_NE(done.exit_code(), 0) << words[0];
    EXPECT_FALSE(done.err.empty()) << words[0];
  }
}

}  // namespace
}  // namespace moat
