// Every way of writing a policy wrong, with the whole text that a user reads. Bodies begin
// on line 2 of test.toml (line 1 is `moat = 1`).
#include <gtest/gtest.h>

#include "policy/exceptions.h"
#include "policy/load.h"
#include "policy/testing.h"

namespace moat::policy {
namespace {

struct Case {
  const char* body;
  const char* error;
};

class Errors : public testing::TestWithParam<Case> {};

TEST_P(Errors, SayPlaceReasonAndFix) { EXPECT_EQ(ErrorOf(ParseBody(GetParam().body)), GetParam().error); }

INSTANTIATE_TEST_SUITE_P(
    Names, Errors,
    testing::Values(
        Case{"denyWriteTypo = true", "test.toml:2:1: unknown key `denyWriteTypo` at the top level"},
        Case{"descripton = \"x\"",
             "test.toml:2:1: unknown key `descripton` at the top level; did you mean `description`?"},
        Case{"wall = \"3s\"", "test.toml:2:1: unknown key `wall` at the top level; it belongs in [limits]"},
        Case{"[limts]\nwall = \"3s\"", "test.toml:2:2: unknown section [limts]; did you mean `limits`?"},
        Case{"[zebra]\na = 1", "test.toml:2:2: unknown section [zebra]"},
        Case{"[limits]\nmemmory = \"1G\"",
             "test.toml:3:1: unknown key `memmory` in [limits]; did you mean `memory`?"},
        Case{"[limits]\nfile-size = \"1G\"",
             "test.toml:3:1: unknown key `file-size` in [limits]; did you mean `file_size`?"},
        Case{"[limits]\nmode = \"none\"",
             "test.toml:3:1: unknown key `mode` in [limits]; it belongs in [network]"},
        Case{"limits = 3", "test.toml:2:1: `limits` is a section: write [limits]"},
        Case{"[limits]\nwall = \"1s\"\nwall = \"2s\"",
             "test.toml:4:8: this key or section was already written above; keep one of the two"},
        Case{"[limits]\nwall = \"1s\"\n[limits]\ncpu = \"2s\"",
             "test.toml:4:1: this key or section was already written above; keep one of the two"},
        Case{"[limits\nwall = \"1s\"",
             "test.toml:2:8: not valid TOML: Error while parsing table header: expected ']', saw '\\n'"},
        Case{"base = 3", "test.toml:2:8: `base` must be a string, not a whole number"},
        Case{"base = \"\"", "test.toml:2:8: `base` is empty"},
        Case{"description = 3", "test.toml:2:15: `description` must be a string, not a whole number"}));

INSTANTIATE_TEST_SUITE_P(
    Quantities, Errors,
    testing::Values(
        Case{"[limits]\nwall = 30",
             "test.toml:3:8: `wall`: 30 has no unit, and none is guessed; write a string with a unit, such "
             "as \"30s\""},
        Case{"[limits]\nwall = \"30\"",
             "test.toml:3:8: `wall`: `30` has no unit, and none is guessed; write it as `30s` if that is "
             "meant; units are ns, us, ms, s, m and h"},
        Case{"[limits]\nwall = -5",
             "test.toml:3:8: `wall`: a limit cannot be negative; write a string with a unit, such as \"1s\""},
        Case{"[limits]\nwall = \"-5s\"", "test.toml:3:8: `wall`: `-5s`: a duration cannot be negative"},
        Case{"[limits]\nwall = \"0s\"", "test.toml:3:8: `wall`: `0s` is too small; the minimum is 1ms"},
        Case{"[limits]\nwall = true", "test.toml:3:8: `wall` must be a string, not true or false"},
        Case{"[limits]\nmemory = 4294967296",
             "test.toml:3:10: `memory`: 4294967296 has no unit, and none is guessed; write a string with a "
             "unit, such as \"4294967296B\""},
        Case{"[limits]\nmemory = \"4294967296\"",
             "test.toml:3:10: `memory`: `4294967296` has no unit, and none is guessed; write it as "
             "`4294967296B` if that is meant; units are B, K, M, G and T, each 1024 of the one before"},
        Case{"[limits]\nmemory = 18446744073709551616",
             "test.toml:3:30: a number too large to mean anything here; sizes and times are strings with a "
             "unit, such as \"512M\" or \"30s\""},
        Case{"[limits]\nmemory = \"18446744073709551616\"",
             "test.toml:3:10: `memory`: `18446744073709551616` has no unit, and none is guessed; write it as "
             "`18446744073709551616B` if that is meant; units are B, K, M, G and T, each 1024 of the one "
             "before"},
        Case{"[limits]\nmemory = \"18446744073709551616B\"",
             "test.toml:3:10: `memory`: `18446744073709551616B` is too large a size"},
        Case{"[limits]\nmemory = \"10MBB\"",
             "test.toml:3:10: `memory`: `10MBB`: `MBB` is not a unit of size; units are B, K, M, G and T, "
             "each 1024 of the one before"},
        Case{"[limits]\nmemory = \"10MB\"",
             "test.toml:3:10: `memory`: `10MB` can mean steps of 1000 or of 1024; write `10M` for 1024, or "
             "the exact bytes with `B`"},
        Case{"[limits]\nmemory = \"1.3K\"",
             "test.toml:3:10: `memory`: `1.3K` is not a whole number of bytes"},
        Case{"[limits]\nmemory = \"512K\"",
             "test.toml:3:10: `memory`: `512K` is too small; the minimum is 1M"},
        Case{"[limits]\nmemory = 1.5",
             "test.toml:3:10: `memory`: 1.5 has no unit, and none is guessed; write a string with a unit, "
             "such as \"1.5M\""},
        Case{"[limits]\noutput = \"unlimited\"", "test.toml:3:10: `output`: this limit cannot be lifted"},
        Case{"[limits]\nmemory = \"infinite\"", "test.toml:3:10: `memory`: `infinite` is not a size"},
        Case{"[limits]\npids = \"64\"",
             "test.toml:3:8: `pids` must be a whole number or \"unlimited\", not a string"},
        Case{"[limits]\npids = 0", "test.toml:3:8: `pids`: `0` is too small; the minimum is 1"},
        Case{"[limits]\npids = -1", "test.toml:3:8: `pids`: `-1`: a number cannot be negative"},
        Case{"[limits]\npids = 1.5",
             "test.toml:3:8: `pids` must be a whole number or \"unlimited\", not a number with a fraction"},
        Case{"[limits]\nnice = 20", "test.toml:3:8: `nice`: `20` is too large; the maximum is 19"},
        Case{"[limits]\ncpus = 0", "test.toml:3:8: `cpus`: `0` is too small; the minimum is 0.01"},
        Case{"[limits]\ncpus = nan", "test.toml:3:8: `cpus` is out of range"},
        Case{"[limits]\ncpus = \"two\"",
             "test.toml:3:8: `cpus` must be a number or \"unlimited\", not a string"},
        Case{"[mode]\nenforce = 50",
             "test.toml:3:11: `enforce`: 50 has no unit, and none is guessed; write a string with a unit, "
             "such as \"50%\""},
        Case{"[mode]\nenforce = \"150%\"", "test.toml:3:11: `enforce`: `150%` is more than everything"},
        Case{"[mode]\nbest_effort = \"yes\"",
             "test.toml:3:15: `best_effort` must be true or false, not a string"},
        Case{"[network]\nmode = \"loopbak\"",
             "test.toml:3:8: `mode`: `loopbak` is not one of `none`, `loopback`; did you mean `loopback`?"},
        Case{"[network]\nmode = \"host\"",
             "test.toml:3:8: `mode`: `host` is not one of `none`, `loopback`"}));

INSTANTIATE_TEST_SUITE_P(
    Files, Errors,
    testing::Values(
        Case{"[files]\nread = \"/data\"",
             "test.toml:3:8: `read` must be a list, such as [\"/data\"], not a string"},
        Case{"[files]\nread = [3]",
             "test.toml:3:9: an entry of `read` must be a path or a table, not a whole number"},
        Case{"[files]\nread = [\"data\"]",
             "test.toml:3:9: `data` is a relative path, and a policy has no folder that it starts from; "
             "write the whole path, beginning with `/`"},
        Case{"[files]\nread = [\"~/data\"]",
             "test.toml:3:9: `~/data` begins with `~`, which means another folder for each user; write the "
             "whole path, such as `/home/user/data`"},
        Case{"[files]\nread = [\"/data/../etc\"]",
             "test.toml:3:9: `/data/../etc` contains `..`, which a symbolic link can turn into any folder; "
             "write the path that it means"},
        Case{"[files]\nread = [\"\"]", "test.toml:3:9: an empty path"},
        Case{"[files]\nread = [\"/a\\u0000b\"]", "test.toml:3:9: `/a\\u0000b` contains a NUL byte"},
        Case{"[files]\nread = [\"@lib\"]",
             "test.toml:3:9: there is no path group `@lib`; did you mean `@libs`?"},
        Case{"[files]\nwrite = [\"@libs\"]", "test.toml:3:10: path groups are for `read`, not for `write`"},
        Case{"[files]\nread = [\"/a\", \"/a/\"]",
             "test.toml:3:15: `/a` is said twice in [files], the first time at test.toml:3:9; keep one of "
             "the two lines"},
        Case{"[files]\nread = [{ from = \"/a\", too = \"/b\" }]",
             "test.toml:3:24: unknown key `too` in this table; did you mean `to`?"},
        Case{"[files]\nread = [{ to = \"/b\" }]", "test.toml:3:9: `from` is missing: the path on the host"},
        Case{"[files]\nread = [{ from = \"/a\", execute = 1 }]",
             "test.toml:3:34: `execute` must be true or false, not a whole number"},
        Case{"[files]\nread = [\"/a\"]\nhide = [\"/a\"]",
             "test.toml:4:9: `/a` is said twice in [files], the first time at test.toml:3:9; keep one of the "
             "two lines"},
        Case{"[files]\nscratch = [\"/tmp\"]",
             "test.toml:3:11: `scratch` must be a table, such as { \"/tmp\" = \"256M\" }, not a list"},
        Case{"[files]\nscratch = { \"/tmp\" = 256 }",
             "test.toml:3:22: the size of `/tmp` must be a size with its unit, such as \"256M\", not a whole "
             "number"},
        Case{"[files]\nscratch = { \"/tmp\" = \"256\" }",
             "test.toml:3:22: `256` has no unit, and none is guessed; write it as `256M` if that is meant; "
             "units are B, K, M, G and T, each 1024 of the one before"},
        Case{"[files]\nscratch = { \"/tmp\" = \"0B\" }",
             "test.toml:3:22: `0B` is too small for a scratch folder; the minimum is 4K"},
        Case{"[files]\nscratch = { \"/tmp\" = \"unlimited\" }",
             "test.toml:3:22: a scratch folder needs a size: it lives in memory; give one, such as \"256M\""},
        Case{"[files]\nscratch = { \"/tmp\" = { inodes = 5 } }",
             "test.toml:3:22: `size` is missing: a scratch folder lives in memory"},
        Case{"[files]\nscratch = { \"/tmp\" = { size = \"1M\", inode = 5 } }",
             "test.toml:3:37: unknown key `inode` in this table; did you mean `inodes`?"},
        Case{"[files]\nscratch = { \"/tmp\" = { size = \"1M\", inodes = 0 } }",
             "test.toml:3:46: `inodes` must be 1 or more"},
        Case{"[files]\ninput = \"in\"",
             "test.toml:3:9: `input`: `in` is a relative path, and a policy has no folder that it starts "
             "from; write the whole path, beginning with `/`"},
        Case{"[files]\nproc = \"all\"", "test.toml:3:8: `proc`: `all` is not one of `pid`, `full`, `none`"}));

INSTANTIATE_TEST_SUITE_P(
    Syscalls, Errors,
    testing::Values(
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"\nwhen = \"cmnd == TCGETS\"\ndo = \"EPERM\"",
             "test.toml:2:1: column 1 of `when`: ioctl has no argument `cmnd` (it has: fd, cmd, arg); did "
             "you mean `cmd`?"},
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"\nwhen = \"cmd == TCGETZ\"\ndo = \"EPERM\"",
             "test.toml:2:1: column 8 of `when`: unknown constant `TCGETZ`; did you mean `TCGETA`?"},
        Case{"[[syscalls.rule]]\ncall = \"openat\"\nwhen = \"pathname == 0\"\ndo = \"EPERM\"",
             "test.toml:2:1: column 1 of `when`: `pathname` is an address, and a filter cannot see what it "
             "points to"},
        Case{"[syscalls]\ndefault = \"allow\"",
             "test.toml:3:11: `default`: `allow` would let every call pass that the policy does not name; "
             "give an errno such as `EPERM` or `ENOSYS`, and list in `allow` what is needed"},
        Case{"[syscalls]\ndefault = \"deny\"",
             "test.toml:3:11: `default`: `deny` is not something to do with a call; say how: `EPERM`, "
             "another errno, or `kill`"},
        Case{"[syscalls]\ndefault = \"EPRM\"",
             "test.toml:3:11: `default`: `EPRM` is not something to do with a call; did you mean `EPERM`?"},
        Case{"[syscalls]\nunknown = \"success\"",
             "test.toml:3:11: `unknown`: `success` would let every call pass that the policy does not name; "
             "give an errno such as `EPERM` or `ENOSYS`, and list in `allow` what is needed"},
        Case{"[syscalls]\nallow = [\"opnat\"]",
             "test.toml:3:10: there is no system call `opnat`; did you mean `openat`?"},
        Case{"[syscalls]\nallow = [\"@file\"]",
             "test.toml:3:10: there is no group `@file`; did you mean `@files`?"},
        Case{"[syscalls]\nallow = [\"@io\", \"@io\"]",
             "test.toml:3:17: `@io` is listed twice, the first time at test.toml:3:10; keep one of the two"},
        Case{"[syscalls]\nallow = \"@io\"",
             "test.toml:3:9: `allow` must be a list, such as [\"name\"], not a string"},
        Case{"[syscalls]\nallow = [3]",
             "test.toml:3:10: an entry of `allow` must be a string, not a whole number"},
        Case{"[syscalls]\nallow = [\"ptrace\"]",
             "test.toml:3:10: `ptrace` is of tier 3 (reads, writes and steers another process; rewrites a "
             "call after a filter passed it before 4.8); grant it with a [[syscalls.rule]] that has a "
             "`reason`"},
        Case{"[syscalls]\nallow = [\"@io-uring\"]",
             "test.toml:3:10: every call of `@io-uring` is of tier 3 (the new asynchronous i/o, a second "
             "system call plane unseen by filters); grant single calls with a [[syscalls.rule]] that has a "
             "`reason`"},
        Case{"[syscalls]\nallow = [\"socket\"]\ndeny = [\"@sockets\"]",
             "test.toml:3:10: `socket` is in `allow`, but `@sockets` in `deny` at test.toml:4:9 takes it out "
             "again; take one of the two out"},
        Case{"[syscalls]\ndeny = [\"exit_group\"]",
             "test.toml:3:9: `deny` of `exit_group` takes away `exit_group`: a process that cannot end spins "
             "for ever; take it out of `deny`"},
        Case{"[syscalls]\ndeny = [\"@essential\"]",
             "test.toml:3:9: `deny` of `@essential` takes away `exit`: a process that cannot end spins for "
             "ever; take it out of `deny`"},
        Case{"[syscalls]\ndeny = [\"sockt\"]",
             "test.toml:3:9: there is no system call `sockt`; did you mean `socket`?"},
        Case{"[[syscalls.rule]]\ncall = \"rt_sigreturn\"\ndo = \"EPERM\"",
             "test.toml:2:1: a rule denies `rt_sigreturn`: a process that cannot end spins for ever; take "
             "the rule out"},
        Case{"[[syscalls.rule]]\ncall = \"ptrace\"\ndo = \"allow\"",
             "test.toml:2:1: a rule allows `ptrace`, of tier 3 (reads, writes and steers another process; "
             "rewrites a call after a filter passed it before 4.8), without a `reason`; say in `reason` why "
             "the job needs it"},
        Case{"[[syscalls.rule]]\ncall = \"mount\"\ndo = \"allow\"",
             "test.toml:2:1: `mount` is of tier 4, never granted to a job (changes what paths mean: rebuilds "
             "the jail, and parses file systems in the kernel); take the rule out, or give a `reason` that a "
             "reader of the plan will accept"},
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"",
             "test.toml:2:1: `do` is missing in the rule for `ioctl`; say what happens: `allow`, an errno "
             "such as `EPERM`, `kill`"},
        Case{"[[syscalls.rule]]\ndo = \"allow\"", "test.toml:2:1: `call` is missing in this rule"},
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"\ndo = \"permit\"",
             "test.toml:4:6: `permit` is not something to do with a call; one of `allow`, `kill`, `notify`, "
             "`log`, `success`, or an errno such as `EPERM`"},
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"\ndo = \"allow\"\nresaon = \"x\"",
             "test.toml:5:1: unknown key `resaon` in [[syscalls.rule]]; did you mean `reason`?"},
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"\ndo = \"allow\"\nwhen = 3",
             "test.toml:5:8: `when` must be a string, not a whole number"},
        Case{"[[syscalls.rule]]\ncall = \"@nothing\"\ndo = \"EPERM\"",
             "test.toml:2:1: there is no group `@nothing`"},
        Case{"[syscalls.rule]\ncall = \"ioctl\"\ndo = \"EPERM\"",
             "test.toml:2:11: `rule` is a list of tables; write [[syscalls.rule]], with two brackets"},
        Case{"[[syscalls.rule]]\ncall = \"ioctl\"\ndo = \"EPERM\"\n[[syscalls.rule]]\ncall = \"ioctl\"\ndo = "
             "\"allow\"",
             "test.toml:5:1: the rule for `ioctl` is never reached: the one at test.toml:2:1 always decides; "
             "put the narrower rule first"}));

INSTANTIATE_TEST_SUITE_P(
    Variables, Errors,
    testing::Values(
        Case{"[environment]\npass = \"TZ\"",
             "test.toml:3:8: `pass` must be a list, such as [\"name\"], not a string"},
        Case{"[environment]\npass = [\"*\"]",
             "test.toml:3:9: `pass` of `*` would hand over every variable, secrets too; name the variables "
             "that the job needs"},
        Case{"[environment]\npass = [\"A-B\"]", "test.toml:3:9: `A-B` is not the name of a variable"},
        Case{"[environment]\nset = { A = 3 }",
             "test.toml:3:13: `A` must be a string, not a whole number; the environment holds nothing else; "
             "write it in quotes"},
        Case{"[environment]\nset = { \"1A\" = \"x\" }", "test.toml:3:9: `1A` is not the name of a variable"},
        Case{"[environment]\nset = [\"A=3\"]",
             "test.toml:3:7: `set` must be a table, such as { LANG = \"C.UTF-8\" }, not a list"}));

TEST(Texts, EmptyAndOfAnotherFormat) {
  EXPECT_EQ(ErrorOf(Parse("", "e.toml", {})), "e.toml:1: the policy is empty; begin it with `moat = 1`");
  EXPECT_EQ(ErrorOf(Parse(" \n\t\r\n", "e.toml", {})),
            "e.toml:1: the policy is empty; begin it with `moat = 1`");
  EXPECT_EQ(ErrorOf(Parse("# nothing\n", "e.toml", {})),
            "e.toml:1:1: `moat = 1` is missing; begin the policy with it");
  EXPECT_EQ(ErrorOf(Parse("moat = 2\n", "e.toml", {})),
            "e.toml:1:8: format 2 is not one that this moat reads; this version reads `moat = 1`");
  EXPECT_EQ(ErrorOf(Parse("moat = \"1\"\n", "e.toml", {})),
            "e.toml:1:8: `moat` must be the number 1, not a string");
  EXPECT_EQ(ErrorOf(Parse("moat = 1\n\xff\xfe", "e.toml", {})),
            "e.toml:1:9: not valid TOML: Encountered invalid utf-8 sequence");
  EXPECT_EQ(ErrorOf(Parse(std::string("moat = 1\n\0", 10), "e.toml", {})),
            "e.toml:2:1: not valid TOML: Error while parsing root table: expected keys, tables, whitespace "
            "or comments, saw '\\u0000'");
  EXPECT_EQ(ErrorOf(Parse("moat = 1\n", "e.toml", {})), "accepted");
}

TEST(Texts, DeepNestingIsAnErrorNotACrash) {
  const std::string deep = "moat = 1\na = " + std::string(100'000, '[');
  EXPECT_FALSE(Parse(deep, "e.toml", {}).ok());
}

// A way through that a newer kernel closes is accepted on older ones only.
TEST(Exceptions, MaySpeakOfOlderKernels) {
  const auto allow = [](const std::string& version) {
    return "moat = 1\n[attack]\nallow = [{ probe = \"a-probe\", reason = \"the kernel has no better way\", before_linux = \"" + version + "\" }]\n";
  };
  const auto model = Parse(allow("6.15"), "e.toml", {});
  ASSERT_TRUE(model.ok()) << ErrorOf(model);
  const Exception& exception = model->attack_allow.front();
  for (const char* older : {"6.1.0-56-cloud-amd64", "5.19", "6.14.99"}) EXPECT_TRUE(AppliesTo(exception, older)) << older;
  for (const char* newer : {"6.15.0", "6.18.44", "7.0", "", "unknown", "6"}) EXPECT_FALSE(AppliesTo(exception, newer)) << newer;
  EXPECT_TRUE(AppliesTo(Exception{"a-probe", "on every kernel", "", {}}, "6.18"));
  const auto again = Parse(ToToml(*model), "e.toml", {});
  ASSERT_TRUE(again.ok()) << ErrorOf(again);
  EXPECT_EQ(again->attack_allow.front().before_linux, "6.15");
  for (const char* wrong : {"6", "", "six.one", "6,15"}) EXPECT_NE(ErrorOf(Parse(allow(wrong), "e.toml", {})).find("write it as"), std::string::npos) << wrong;
  EXPECT_NE(ErrorOf(Parse("moat = 1\n[lint]\nallow = [{ rule = \"a\", reason = \"the kernel has no better way\", before_linux = \"6.15\" }]\n", "e.toml", {}))
                .find("unknown key"), std::string::npos);
}

}  // namespace
}  // namespace moat::policy
