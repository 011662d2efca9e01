// Bases: what the nearer text overrides, adds, takes out; circles and depth.
#include <gtest/gtest.h>

#include <cerrno>

#include "policy/diff.h"
#include "policy/testing.h"
#include "policy/verdicts.h"

namespace moat::policy {
namespace {

constexpr const char* kBase = R"(moat = 1
description = "base"
[files]
read = ["/data", "/keep"]
scratch = { "/tmp" = "1M" }
[limits]
wall = "5s"
memory = "64M"
[environment]
pass = ["TZ"]
set = { A = "1", B = "2" }
[syscalls]
allow = ["@io", "@sockets", "ioctl"]
[[syscalls.rule]]
call = "ioctl"
when = "arg1 == 1"
do = "EPERM"
[[syscalls.rule]]
call = "personality"
do = "allow"
reason = "a test"
)";

Model Over(const std::string& body) {
  const Result<Model> model = ParseBody("base = \"base\"\n" + body, FromMemory({{"base", kBase}}));
  EXPECT_TRUE(model.ok()) << ErrorOf(model);
  return model.ok() ? *model : Model{};
}

std::vector<std::string> Values(const std::vector<Setting<std::string>>& list) {
  std::vector<std::string> out;
  for (const auto& each : list) out.push_back(each.value);
  return out;
}

using Words = std::vector<std::string>;

TEST(Merge, SinglesAreOverriddenAndRememberTheirLine) {
  const Model model = Over("[limits]\nwall = \"9s\"");
  EXPECT_EQ(model.limits.wall.value, std::chrono::seconds(9));
  EXPECT_EQ(model.limits.wall.origin.ToString(), "test.toml:4:8");
  EXPECT_EQ(model.limits.memory.value, 64u << 20);
  EXPECT_EQ(model.limits.memory.origin.ToString(), "base:8:10");
  EXPECT_TRUE(model.limits.cpu.origin.empty());
  EXPECT_EQ(model.description, "base");
  EXPECT_EQ(model.bases, Words{"base"});
  EXPECT_EQ(model.sources, (Words{"test.toml", "base"}));
}

TEST(Merge, ListsAreAddedTo) {
  const Model model = Over(
      "[files]\nread = [\"/more\", \"/data?\"]\n[environment]\npass = [\"TERM\", \"TZ\"]\n"
      "set = { B = \"3\" }\n[syscalls]\nallow = [\"@files\"]");
  ASSERT_EQ(model.files.rules.size(), 4u);
  EXPECT_EQ(model.files.rules[0].target, "/data");
  EXPECT_TRUE(model.files.rules[0].optional) << "the same target said nearer replaces the line";
  EXPECT_EQ(Values(model.environment.pass), (Words{"TZ", "TERM"}));
  EXPECT_EQ(model.environment.set[1].second.value, "3");
  EXPECT_EQ(Values(model.syscalls.allow), (Words{"@io", "@sockets", "ioctl", "@files"}));
}

TEST(Merge, NoneForgetsWhatTheBasesListed) {
  const Model model = Over(
      "[files]\nread = [\"@none\", \"/only\"]\n[environment]\npass = [\"@none\"]\n"
      "[syscalls]\nallow = [\"@none\", \"@io\", \"ioctl\"]");
  ASSERT_EQ(model.files.rules.size(), 2u);
  EXPECT_EQ(model.files.rules[0].access, FileAccess::kScratch);
  EXPECT_EQ(model.files.rules[1].target, "/only");
  EXPECT_TRUE(model.environment.pass.empty());
  EXPECT_EQ(Values(model.syscalls.allow), (Words{"@io", "ioctl"}));
  ASSERT_EQ(model.syscalls.rules.size(), 1u) << "a base's refusals stay, its grants do not";
  EXPECT_EQ(model.syscalls.rules[0].call, "ioctl");
}

TEST(Merge, DenyTakesOutListsAndRules) {
  const Model model = Over("[syscalls]\ndeny = [\"@sockets\", \"personality\"]");
  EXPECT_TRUE(Grants(Fallback(model, *FindAnywhere("read")).action));
  EXPECT_FALSE(Grants(Fallback(model, *FindAnywhere("socket")).action));
  for (const SyscallRule& rule : model.syscalls.rules) EXPECT_NE(rule.call, "personality");
}

TEST(Merge, ANearerAllowLiftsTheSameDeny) {
  const auto read =
      FromMemory({{"base", kBase}, {"mid", "moat = 1\nbase = \"base\"\n[syscalls]\ndeny = [\"@sockets\"]"}});
  const Result<Model> model = ParseBody("base = \"mid\"\n[syscalls]\nallow = [\"@sockets\"]", read);
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  EXPECT_TRUE(Grants(Fallback(*model, *FindAnywhere("socket")).action));
}

TEST(Merge, NearerRulesComeFirst) {
  const Model model =
      Over("[[syscalls.rule]]\ncall = [\"ioctl\", \"fcntl\"]\nwhen = \"arg1 == 2\"\ndo = \"allow\"");
  ASSERT_EQ(model.syscalls.rules.size(), 4u);
  EXPECT_EQ(model.syscalls.rules[0].call, "ioctl");
  EXPECT_EQ(model.syscalls.rules[0].when, "arg1 == 2");
  EXPECT_EQ(model.syscalls.rules[1].call, "fcntl");
  EXPECT_EQ(model.syscalls.rules[2].when, "arg1 == 1");
  EXPECT_EQ(model.syscalls.rules[0].origin.ToString(), "test.toml:3:1");
}

TEST(Merge, OrderOfLinesNeverMatters) {
  const Model a = Over(
      "[files]\nread = [\"/a\", \"/a/b\"]\nscratch = { \"/s\" = \"1M\" }\n[limits]\nwall = \"9s\"\ncpu = "
      "\"8s\"");
  const Model b = Over(
      "[limits]\ncpu = \"8s\"\nwall = \"9s\"\n[files]\nscratch = { \"/s\" = \"1M\" }\nread = [\"/a/b\", "
      "\"/a\"]");
  EXPECT_EQ(Diff(a, b), Words{});
}

TEST(Merge, WrittenLinesWinOverGroups) {
  const Result<Model> model = ParseBody("[files]\nread = [\"@libs\"]\nhide = [\"/usr/lib\"]");
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  int seen = 0;
  for (const FileRule& rule : model->files.rules) {
    if (rule.target != "/usr/lib") {
      EXPECT_TRUE(rule.optional);
      EXPECT_FALSE(rule.follow);
      EXPECT_EQ(rule.origin.ToString(), "test.toml:3:9");
      continue;
    }
    ++seen;
    EXPECT_EQ(rule.access, FileAccess::kHide);
  }
  EXPECT_EQ(seen, 1);
}

TEST(Bases, CirclesAndDepthAreRefused) {
  EXPECT_EQ(
      ErrorOf(Load("a", FromMemory({{"a", "moat = 1\nbase = \"b\""}, {"b", "moat = 1\nbase = \"a\""}}))),
      "b:2:8: profiles build on one another in a circle: a -> b -> a; take out one `base`");
  EXPECT_EQ(ErrorOf(Load("a", FromMemory({{"a", "moat = 1\nbase = \"a\""}}))),
            "a:2:8: profiles build on one another in a circle: a -> a; take out one `base`");
  std::map<std::string, std::string> chain;
  for (int i = 0; i < 12; ++i) {
    chain["p" + std::to_string(i)] = "moat = 1\nbase = \"p" + std::to_string(i + 1) + "\"";
  }
  chain["p8"] = "moat = 1";
  EXPECT_EQ(ErrorOf(Load("p0", FromMemory(chain))), "accepted");
  chain["p8"] = "moat = 1\nbase = \"p9\"";
  EXPECT_EQ(ErrorOf(Load("p0", FromMemory(chain))), "p8:2:8: more than 8 profiles build on one another");
}

TEST(Bases, MistakesNameTheirOwnFile) {
  EXPECT_EQ(ErrorOf(Load("a", FromMemory({{"a", "moat = 1\nbase = \"gone\""}}))),
            "a:2:8: there is no profile `gone`");
  EXPECT_EQ(ErrorOf(Load("a", FromMemory({{"a", "moat = 1\nbase = \"b\""}, {"b", "moat = 1\nbas = 1"}}))),
            "b:2:1: unknown key `bas` at the top level; did you mean `base`?");
  EXPECT_EQ(ErrorOf(Load("a", FromMemory({{"a", "moat = 1\nbase = \"b\""}, {"b", ""}}))),
            "b:1: the policy is empty; begin it with `moat = 1`");
  EXPECT_EQ(ErrorOf(ParseBody("base = \"b\"")), "test.toml:2:8: a base cannot be read here: `b`");
}

TEST(Bases, RelativePathsLieBesideTheFile) {
  const auto read = FromMemory({{"/p/a.toml", "moat = 1\nbase = \"sub/b.toml\""},
                                {"/p/sub/b.toml", "moat = 1\nbase = \"c.toml\""},
                                {"/p/sub/c.toml", "moat = 1\n[limits]\nwall = \"7s\""}});
  const Result<Model> model = Load("/p/a.toml", read);
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  EXPECT_EQ(model->limits.wall.origin.ToString(), "/p/sub/c.toml:3:8");
}

TEST(Diff, SaysChangesInWords) {
  const Model before = Over("");
  const Model after =
      Over("[files]\nread = [\"/more\"]\n[limits]\nmemory = \"32M\"\n[syscalls]\ndeny = [\"@sockets\"]");
  EXPECT_EQ(Diff(before, after), (Words{"limits.memory: \"64M\" -> \"32M\"", "files: + read /more",
                                        "syscalls: - allow @sockets", "syscalls: + deny @sockets"}));
  EXPECT_EQ(Diff(before, before), Words{});
}

}  // namespace
}  // namespace moat::policy
