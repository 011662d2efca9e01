// The command line uses the same keys, parsers and errors as the file.
#include "policy/flags.h"

#include <gtest/gtest.h>

#include "policy/options.h"
#include "policy/scalars.h"
#include "policy/testing.h"

namespace moat::policy {
namespace {

std::string Apply(Model& model, std::string_view flag, std::string_view value) {
  const Status status = ApplyFlag(model, flag, value);
  return status.ok() ? "ok" : status.error().ToString();
}

TEST(Flags, SetKeysAndRememberTheCommandLine) {
  Model model = *DefaultModel();
  EXPECT_EQ(Apply(model, "wall", "30s"), "ok");
  EXPECT_EQ(Apply(model, "memory", "512M"), "ok");
  EXPECT_EQ(Apply(model, "pids", "unlimited"), "ok");
  EXPECT_EQ(Apply(model, "cpus", "0.5"), "ok");
  EXPECT_EQ(Apply(model, "file-size", "1M"), "ok");
  EXPECT_EQ(Apply(model, "file_size", "2M"), "ok");
  EXPECT_EQ(Apply(model, "network", "loopback"), "ok");
  EXPECT_EQ(Apply(model, "best-effort", ""), "ok");
  EXPECT_EQ(Apply(model, "enforce", "5%"), "ok");
  EXPECT_EQ(Apply(model, "cwd", "/in"), "ok");
  EXPECT_EQ(model.limits.wall.value, std::chrono::seconds(30));
  EXPECT_EQ(model.limits.wall.origin.ToString(), "command line");
  EXPECT_EQ(model.limits.memory.value, 512u << 20);
  EXPECT_EQ(model.limits.pids.value, kUnlimited);
  EXPECT_EQ(model.limits.file_size.value, 2u << 20);
  EXPECT_EQ(model.network.value, NetworkMode::kLoopback);
  EXPECT_EQ(model.mode.best_effort.value, BestEffort::kYes);
  EXPECT_EQ(model.files.cwd.value, "/in");
}

TEST(Flags, ErrorsNameTheFlagAsTyped) {
  Model model = *DefaultModel();
  EXPECT_EQ(Apply(model, "wal", "30s"), "command line: there is no flag `--wal`; did you mean `--wall`?");
  EXPECT_EQ(
      Apply(model, "wall", "30"),
      "command line: `--wall`: `30` has no unit, and none is guessed; write it as `30s` if that is meant; "
      "units are ns, us, ms, s, m and h");
  EXPECT_EQ(Apply(model, "memory", "4K"), "command line: `--memory`: `4K` is too small; the minimum is 1M");
  EXPECT_EQ(Apply(model, "network", "host"),
            "command line: `--network`: `host` is not one of `none`, `loopback`");
  EXPECT_EQ(Apply(model, "pids", ""), "command line: `--pids`: an empty number");
  EXPECT_EQ(Apply(model, "scratch", "/tmp"), "command line: `/tmp` has no size; write `/tmp=256M`");
  EXPECT_EQ(Apply(model, "scratch", "/tmp=10MB"),
            "command line: `10MB` can mean steps of 1000 or of 1024; write `10M` for 1024, or the exact "
            "bytes with `B`");
  EXPECT_EQ(
      Apply(model, "read", "data"),
      "command line: `data` is a relative path, and a policy has no folder that it starts from; write the "
      "whole path, beginning with `/`");
  EXPECT_EQ(Apply(model, "env", "=x"), "command line: `=x` has no variable's name");
}

TEST(Flags, FilesAreAddedAndReplaced) {
  Model model = *ParseBody("[files]\nread = [\"/data\"]\nscratch = { \"/tmp\" = \"1M\" }");
  EXPECT_EQ(Apply(model, "read", "/more"), "ok");
  EXPECT_EQ(Apply(model, "read", "/perhaps?"), "ok");
  EXPECT_EQ(Apply(model, "scratch", "/tmp=2M"), "ok");
  EXPECT_EQ(Apply(model, "write", "/data"), "ok");
  EXPECT_EQ(Apply(model, "hide", "/more/x"), "ok");
  EXPECT_EQ(Apply(model, "device", "/dev/dri/renderD128"), "ok");
  ASSERT_EQ(model.files.rules.size(), 6u);
  EXPECT_EQ(model.files.rules[0].access, FileAccess::kWrite);
  EXPECT_FALSE(model.files.rules[0].execute);
  EXPECT_EQ(model.files.rules[1].size, 2u << 20);
  EXPECT_TRUE(model.files.rules[3].optional);
  EXPECT_TRUE(Validate(model).ok());
}

TEST(Flags, Environment) {
  Model model = *ParseBody("[environment]\nset = { B = \"1\", LANG = \"C\" }");
  EXPECT_EQ(Apply(model, "env", "A=x=y"), "ok");
  EXPECT_EQ(Apply(model, "env", "B=2"), "ok");
  EXPECT_EQ(Apply(model, "env", "LANG"), "ok");
  EXPECT_EQ(Apply(model, "env", "E="), "ok");
  ASSERT_EQ(model.environment.set.size(), 3u);
  EXPECT_EQ(model.environment.set[0].second.value, "x=y");
  EXPECT_EQ(model.environment.set[1].second.value, "2");
  EXPECT_EQ(model.environment.set[2].second.value, "");
  ASSERT_EQ(model.environment.pass.size(), 1u);
  EXPECT_EQ(model.environment.pass[0].value, "LANG");
}

TEST(Flags, EveryLimitIsAFlagOfTheSameName) {
  for (const Option& option : Options()) {
    if (option.section != "limits") continue;
    EXPECT_EQ(FindFlag(option.key), &option) << option.key;
  }
}

TEST(Flags, TheLaunchersTableIsTheSame) {
  for (const flags::Flag& flag : flags::kFlags) {
    EXPECT_EQ(flag.is_policy, FindFlag(flag.name) != nullptr) << flag.name;
    EXPECT_EQ(flags::Find(flag.name), &flag);
  }
  for (const Option& option : Options()) {
    if (option.flag.empty()) continue;
    EXPECT_NE(flags::Find(option.flag), nullptr) << option.flag;
  }
  ASSERT_NE(flags::Find("p"), nullptr);
  EXPECT_EQ(flags::Find("p")->name, "policy");
  EXPECT_EQ(flags::Find("nothing"), nullptr);
  EXPECT_FALSE(flags::Find("best-effort")->takes_value);
}

}  // namespace
}  // namespace moat::policy
