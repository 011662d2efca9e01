#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lint/lint.h"
#include "lint/rule.h"

namespace moat::lint {
namespace {

std::vector<Linted> Two() {
  Finding open{"files-write", Severity::kWarning, "the job may change `/srv/x`", "why", "fix", "see", {"/p/a b.toml", 4, 2}, ""};
  Finding accepted = open;
  accepted.rule = "limit-wall-off";
  accepted.severity = Severity::kError;
  accepted.origin = {};
  accepted.accepted = "a service that runs for ever";
  Finding hostile = open;
  hostile.message = "\x1b[31m\nred";
  return {{"mine", {open, accepted, hostile}}};
}

TEST(PrintText, OneLineEachAndASum) {
  const std::string text = PrintText(Two());
  EXPECT_NE(text.find("/p/a b.toml:4:2: warning: the job may change `/srv/x` [files-write]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("accepted: a service that runs for ever"), std::string::npos) << text;
  EXPECT_NE(text.find("mine: 0 errors, 2 warnings, 0 remarks, 1 accepted"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(PrintJson, HasEveryField) {
  const auto json = nlohmann::json::parse(PrintJson(Two()));
  const auto& first = json["policies"][0]["findings"][0];
  EXPECT_EQ(first["rule"], "files-write");
  EXPECT_EQ(first["line"], 4);
  EXPECT_EQ(json["policies"][0]["findings"][1]["accepted"], "a service that runs for ever");
  EXPECT_EQ(json["policies"][0]["warnings"], 2);
}

TEST(PrintSarif, IsWhatTheSchemaAsksFor) {
  const auto json = nlohmann::json::parse(PrintSarif(Two()));
  EXPECT_EQ(json["version"], "2.1.0");
  const auto& run = json["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["rules"].size(), Rules().size());
  const auto& result = run["results"][0];
  EXPECT_EQ(result["level"], "warning");
  const auto index = result["ruleIndex"].get<std::size_t>();
  EXPECT_EQ(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
  const auto& place = result["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "file:///p/a%20b.toml");
  EXPECT_EQ(place["region"]["startLine"], 4);
  EXPECT_EQ(run["results"][1]["suppressions"][0]["kind"], "inSource");
  EXPECT_FALSE(result.contains("suppressions"));
}

}  // namespace
}  // namespace moat::lint
