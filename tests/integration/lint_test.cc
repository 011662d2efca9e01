// `moat lint` as its users run it: exit codes, forms, and the profiles that moat ships.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "testkit/moat.h"
#include "testkit/temp_dir.h"

namespace moat {
namespace {

using Json = nlohmann::json;

testkit::Finished RunLint(std::vector<std::string> words) {
  testkit::Command command;
  command.argv = {testkit::MoatPath(), "lint"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.environment = {"PATH=/usr/bin:/bin"};
  return testkit::Run(command);
}

class LintCommand : public testing::Test {
 protected:
  std::string Policy(const std::string& body) { return folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n" + body); }
  testkit::TempDir folder_;
};

// A shipped profile has no open finding at all: what it needs beyond stands in it, with the reason.
TEST_F(LintCommand, ShippedProfilesHaveNothingOpen) {
  for (const auto& file : std::filesystem::directory_iterator(testkit::SourceFolder() + "/profiles")) {
    if (file.path().extension() != ".toml") continue;
    const auto done = RunLint({"--fail-on", "info", file.path().stem()});
    EXPECT_EQ(done.exit_code(), 0) << done.out << done.err;
  }
}

TEST_F(LintCommand, ExitCodeFollowsTheSeverity) {
  const std::string warned = Policy("[files]\nwrite = [\"/srv/results\"]\n");
  EXPECT_EQ(RunLint({warned}).exit_code(), 0);
  EXPECT_EQ(RunLint({"--fail-on", "warning", warned}).exit_code(), 1);
  const std::string wrong = folder_.File("wrong.toml", "moat = 1\nbase = \"default\"\n[mode]\nbest_effort = true\n");
  EXPECT_EQ(RunLint({wrong}).exit_code(), 1);
  EXPECT_EQ(RunLint({"default", wrong}).exit_code(), 1);
}

TEST_F(LintCommand, WhatCannotBeLookedAtIsNotAFinding) {
  EXPECT_EQ(RunLint({folder_ / "none.toml"}).exit_code(), 125);
  EXPECT_EQ(RunLint({"--fail-on", "everything", "default"}).exit_code(), 125);
  EXPECT_EQ(RunLint({"--no-such-flag"}).exit_code(), 125);
}

TEST_F(LintCommand, AnInvalidPolicyIsOne) {
  const auto done = RunLint({"--json", Policy("[limits]\nmemroy = \"1G\"\n")});
  EXPECT_EQ(done.exit_code(), 1) << done.err;
  const Json finding = Json::parse(done.out)["policies"][0]["findings"][0];
  EXPECT_EQ(finding["rule"], "policy-invalid");
  EXPECT_EQ(finding["line"], 4);
}

TEST_F(LintCommand, AcceptedRisksAreShownAndDoNotCount) {
  const std::string accepted = Policy(
      "[files]\nwrite = [\"/srv/results\"]\n[lint]\nallow = [{ rule = \"files-write\", reason = \"emptied after every single run\" }]\n");
  const auto done = RunLint({"--fail-on", "warning", accepted});
  EXPECT_EQ(done.exit_code(), 0) << done.out;
  EXPECT_NE(done.out.find("accepted: emptied after every single run"), std::string::npos) << done.out;
}

TEST_F(LintCommand, SarifNamesTheLine) {
  const auto done = RunLint({"--format", "sarif", Policy("[mode]\nbest_effort = true\n")});
  const Json sarif = Json::parse(done.out);
  EXPECT_EQ(sarif["version"], "2.1.0");
  bool found = false;
  for (const Json& result : sarif["runs"][0]["results"]) {
    if (result["ruleId"] != "mode-best-effort") continue;
    found = true;
    EXPECT_EQ(result["level"], "error");
    EXPECT_EQ(result["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
  }
  EXPECT_TRUE(found) << done.out;
}

TEST_F(LintCommand, TheHostCanBeLookedAt) {
  const auto done = RunLint({"--host", "--json", "default"});
  EXPECT_EQ(done.exit_code(), 0) << done.err;
  EXPECT_FALSE(Json::parse(done.out)["policies"].empty());
}

}  // namespace
}  // namespace moat
