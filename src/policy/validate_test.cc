// Checks over the whole model, and what calls come to.
#include <gtest/gtest.h>

#include <cerrno>

#include "bpf/syscall_table.h"
#include "policy/scalars.h"
#include "policy/testing.h"
#include "policy/verdicts.h"

namespace moat::policy {
namespace {

std::string Check(std::string_view body) { return ErrorOf(ParseBody(body)); }

TEST(Validate, LimitsAgainstEachOther) {
  EXPECT_EQ(Check("[limits]\nwall = \"unlimited\"\ncpu = \"5s\""),
            "test.toml:3:8: `cpu` is limited but `wall` is not: a job that sleeps would stay for ever; set "
            "`wall` to the longest that anybody waits");
  EXPECT_EQ(Check("[limits]\nwall = \"unlimited\""), "accepted");
  EXPECT_EQ(Check("[limits]\nwall = \"1s\""), "accepted");
  EXPECT_EQ(Check("[limits]\naddress_space = \"4M\""),
            "test.toml:3:17: `address_space` is smaller than `stack`: no program could start; raise "
            "`address_space` or leave it out; `memory` is the limit for real use");
}

TEST(Validate, MemoryMayBeLessThanTheScratchOfAProfile) {
  Model model = *ParseBody("[files]\nscratch = { \"/tmp\" = \"256M\" }");
  ASSERT_TRUE(ApplyFlag(model, "memory", "64M").ok());
  EXPECT_TRUE(Validate(model).ok());
}

TEST(Validate, TargetsThatMoatMakesItself) {
  EXPECT_EQ(Check("[files]\nread = [\"/proc/sys\"]"),
            "test.toml:3:9: the target `/proc/sys` is inside `/proc`: it is made by moat, of the job's own "
            "processes");
  EXPECT_EQ(Check("[files]\nread = [\"/dev\"]"),
            "test.toml:3:9: the target `/dev` is inside `/dev`: it is made by moat; name single devices in "
            "`device`");
  EXPECT_EQ(
      Check("[files]\nread = [\"/sys/class\"]"),
      "test.toml:3:9: the target `/sys/class` is inside `/sys`: it shows and steers the host's hardware");
  EXPECT_EQ(Check("[files]\nread = [\"/\"]"), "test.toml:3:9: the target cannot be the root folder `/`");
  EXPECT_EQ(Check("[files]\nread = [{ from = \"/proc/1/root\", to = \"/x\" }]"),
            "test.toml:3:9: the host path `/proc/1/root` is inside `/proc`: it is made by moat, of the job's "
            "own processes");
  EXPECT_EQ(Check("[files]\nread = [\"/process\"]"), "accepted");
  EXPECT_EQ(Check("[files]\nscratch = { \"/dev/shm\" = \"1M\" }"), "accepted");
  EXPECT_EQ(Check("[files]\nscratch = { \"/dev/foo\" = \"1M\" }"),
            "test.toml:3:13: the target `/dev/foo` is inside `/dev`: it is made by moat; name single devices "
            "in `device`");
  EXPECT_EQ(Check("[files]\nscratch = { \"/\" = \"1M\" }"),
            "test.toml:3:13: the target cannot be the root folder `/`");
  EXPECT_EQ(Check("[files]\ndevice = [\"/dev/dri/card0\"]"), "accepted");
  EXPECT_EQ(Check("[files]\ndevice = [\"/tmp/card0\"]"),
            "test.toml:3:11: device `/tmp/card0` is not inside `/dev`");
  EXPECT_EQ(Check("[files]\nwrite = [\"/etc/cron.d\"]"),
            "test.toml:3:10: `write` of `/etc/cron.d` would let a job change the host's configuration; write "
            "results into the output folder instead");
}

TEST(Validate, InputOutputAndCwd) {
  EXPECT_EQ(Check("[files]\ninput = \"/x\"\noutput = \"/x\""),
            "test.toml:4:10: `input` `/x` and `output` `/x` lie in one another; give them paths apart, such "
            "as `/in` and `/out`");
  EXPECT_EQ(Check("[files]\ninput = \"/out/in\""),
            "test.toml:3:9: `input` `/out/in` and `output` `/out` lie in one another; give them paths apart, "
            "such as `/in` and `/out`");
  EXPECT_EQ(
      Check("[files]\ninput = \"/proc/x\""),
      "test.toml:3:9: `input` `/proc/x` is inside `/proc`: it is made by moat, of the job's own processes");
  EXPECT_EQ(Check("[files]\nscratch = { \"/out\" = \"1M\" }"),
            "test.toml:3:13: `/out` is the output folder and a line of [files] at once; give `output` "
            "another path");
  EXPECT_EQ(
      Check("[files]\nread = [\"/in\"]"),
      "test.toml:3:9: `/in` is the input folder and a line of [files] at once; give `input` another path");
  EXPECT_EQ(
      Check("[files]\ncwd = \"/proc/self/fd/7\""),
      "test.toml:3:7: `cwd` `/proc/self/fd/7` is inside `/proc`; start in a folder of files, such as `/tmp`");
  EXPECT_EQ(Check("[files]\ncwd = \"/in\""), "accepted");
}

TEST(Verdicts, AProcessMayAlwaysEnd) {
  const Model nothing = *ParseBody("");
  for (const char* call : {"exit", "exit_group", "rt_sigreturn", "restart_syscall"}) {
    EXPECT_TRUE(Grants(Fallback(nothing, *FindAnywhere(call)).action)) << call;
  }
  EXPECT_FALSE(Grants(Fallback(nothing, *FindAnywhere("read")).action));
}

TEST(Verdicts, NameTheLineThatDecided) {
  const Model model = *ParseBody("[syscalls]\nallow = [\"@io\"]\ndeny = [\"lseek\"]\ndefault = \"ENOSYS\"");
  EXPECT_EQ(Fallback(model, *FindAnywhere("read")).origin.ToString(), "test.toml:3:10");
  EXPECT_EQ(Fallback(model, *FindAnywhere("lseek")).origin.ToString(), "test.toml:4:9");
  EXPECT_EQ(Fallback(model, *FindAnywhere("mount")).origin.ToString(), "test.toml:5:11");
  EXPECT_EQ(Fallback(model, *FindAnywhere("lseek")).action, (Do{DoKind::kErrno, ENOSYS}));
}

// Adding a deny never allows more, over every call and every single entry.
TEST(Verdicts, DenyOnlyEverTakesAway) {
  Model model = *ParseBody("[syscalls]\nallow = [\"@io\", \"@files\", \"@sockets\", \"ioctl\"]");
  for (const bpf::GroupInfo& group : bpf::Groups()) {
    Model narrower = model;
    narrower.syscalls.deny.emplace_back("@" + std::string(group.name));
    for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::Abi::kX86_64)) {
      if (!Grants(Fallback(model, call).action)) {
        EXPECT_FALSE(Grants(Fallback(narrower, call).action)) << call.name;
      }
    }
  }
}

TEST(Verdicts, NoListReachesTierThree) {
  Model model = *DefaultModel();
  for (const bpf::GroupInfo& group : bpf::Groups())
    model.syscalls.allow.emplace_back("@" + std::string(group.name));
  for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::Abi::kX86_64)) {
    EXPECT_EQ(Grants(Fallback(model, call).action), call.tier <= 2) << call.name;
  }
}

TEST(Verdicts, NetworkRulesComeLast) {
  Model model = *ParseBody("[[syscalls.rule]]\ncall = \"socket\"\nwhen = \"domain == 16\"\ndo = \"allow\"");
  EXPECT_EQ(EffectiveRules(model).size(), 3u);
  EXPECT_EQ(EffectiveRules(model)[0].when, "domain == 16");
  EXPECT_EQ(EffectiveRules(model)[1].origin.ToString(), "network mode none");
  model.network = NetworkMode::kLoopback;
  EXPECT_EQ(EffectiveRules(model).size(), 5u);
}

}  // namespace
}  // namespace moat::policy
