// Refusals as a watcher tells them: errors too, decoded, with the rule and an edit that keeps its word (ADR 7).
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::GuestPath;

class Watch : public testkit::CallerTest {
 protected:
  testkit::Moat Watched() { return AsCaller().Flag("--watch"); }
  std::string Policy(const std::string& rules) {
    return folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n\n# a remark that stays\n" + rules);
  }
  static nlohmann::json KindOf(const testkit::Job& job, const std::string& call) {
    if (!job.report.is_object()) return nullptr;
    for (const auto& kind : job.report["denials"]["kinds"]) {
      if (kind["call"] == call) return kind;
    }
    return nullptr;
  }
  testkit::Finished Explain(const testkit::Job& job, const std::vector<std::string>& flags = {}) {
    const std::string report = folder_.File("report.json", job.report.dump());
    testkit::Command command = AsCaller().ToCommand({});
    command.argv = {testkit::MoatPath(), "explain", report};
    command.argv.insert(command.argv.end(), flags.begin(), flags.end());
    return testkit::Process(command).Finish();
  }
  testkit::Finished Apply(const testkit::Job& job, const std::string& policy) { return Explain(job, {"--apply", policy}); }
};

// firejail#5110: an error leaves no trace anywhere else.
TEST_P(Watch, AnErrnoDenialIsListedWithItsRule) {
  const testkit::Job job = Watched().Run({GuestPath("guest_static"), "call", "250", "0", "0", "0"});
  EXPECT_EQ(job.out, "{\"result\": -1, \"errno\": 1}\n") << "as without a watcher\n" << job;
  EXPECT_EQ(job.Cause(), "exit") << job;
  const nlohmann::json kind = KindOf(job, "keyctl");
  ASSERT_TRUE(kind.is_object()) << job;
  EXPECT_EQ(kind["action"], "errno EPERM");
  EXPECT_NE(kind["rule"].get<std::string>().find("default.toml:"), std::string::npos) << kind;
  EXPECT_NE(kind["executable"].get<std::string>().find("guest_static"), std::string::npos) << kind;
  EXPECT_FALSE(kind["stack"].empty()) << kind;
  EXPECT_EQ(job.report["denials"]["count"], 1) << job;
}

TEST_P(Watch, PathsAndFlagsAreDecoded) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"open\"\ndo = \"EACCES\"\nreason = \"a test\"\n");
  const testkit::Job job = Watched().Profile(policy).Run({GuestPath("guest_static"), "call", "2", "text:sub/../secret", "0x80041"});
  const nlohmann::json kind = KindOf(job, "open");
  ASSERT_TRUE(kind.is_object()) << job;
  EXPECT_EQ(kind["path"], "/tmp/secret") << kind;
  EXPECT_NE(kind["arguments"].get<std::string>().find("O_CREAT"), std::string::npos) << kind;
  EXPECT_NE(kind["arguments"].get<std::string>().find("O_CLOEXEC"), std::string::npos) << kind;
  EXPECT_NE(kind["rule"].get<std::string>().find("policy.toml:5"), std::string::npos) << kind;
}

TEST_P(Watch, DeathIsStillDeathAndTold) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"keyctl\"\ndo = \"kill\"\nreason = \"a test\"\n");
  const testkit::Job job = Watched().Profile(policy).Run({GuestPath("guest_static"), "call", "250", "0", "0", "0"});
  EXPECT_EQ(job.out, "") << job;
  EXPECT_EQ(job.Cause(), "denied") << job;
  EXPECT_EQ(job.report["signal"], SIGKILL) << job;
  EXPECT_EQ(KindOf(job, "keyctl")["action"], "kill") << job;
}

TEST_P(Watch, FramesHaveTheNamesOfFunctions) {
  const testkit::Job job = Watched().Run({"strace", "true"});
  const nlohmann::json kind = KindOf(job, "ptrace");
  ASSERT_TRUE(kind.is_object()) << job;
  EXPECT_NE(kind["stack"].dump().find("ptrace+0x"), std::string::npos) << kind;
}

// nsjail#158: a death by the filter names call, request, program and rule.
TEST_P(Watch, AProgramThatTracesIsToldOf) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"ptrace\"\ndo = \"kill\"\nreason = \"a test\"\n");
  const testkit::Job job = Watched().Profile(policy).Run({"strace", "true"});
  const nlohmann::json kind = KindOf(job, "ptrace");
  ASSERT_TRUE(kind.is_object()) << job;
  EXPECT_EQ(kind["action"], "kill") << kind;
  EXPECT_NE(kind["arguments"].get<std::string>().find("request=PTRACE_"), std::string::npos) << kind;
  EXPECT_NE(kind["executable"].get<std::string>().find("/strace"), std::string::npos) << kind;
  EXPECT_NE(kind["rule"].get<std::string>().find("policy.toml:5"), std::string::npos) << kind;
}

// systemd#21350: the loader dies of a refused mprotect before main(), and says nothing of it.
TEST_P(Watch, TheLoadersMprotectIsNamed) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"mprotect\"\ndo = \"EPERM\"\nreason = \"a test\"\n");
  const testkit::Job job = Watched().Profile(policy).Run({GuestPath("guest_dynamic"), "true"});
  EXPECT_NE(job.exit_code(), 0) << job;
  EXPECT_TRUE(KindOf(job, "mprotect").is_object()) << job;
}

// A socket that is refused is told as what it is for.
TEST_P(Watch, TheNetworkIsExplainedInPlainWords) {
  const testkit::Job job = Watched().Run({GuestPath("guest_static"), "call", "41", "2", "1", "0"});
  const nlohmann::json kind = KindOf(job, "socket");
  ASSERT_TRUE(kind.is_object()) << job;
  const testkit::Finished explained = Explain(job);
  EXPECT_NE(explained.out.find("wanted: the network, which is off. `[network] mode = \"loopback\"`"), std::string::npos) << explained.out;
}

// What is said to be denied is denied; with the edit it is allowed, and what lies beside it is not.
TEST_P(Watch, TheEditAllowsWhatWasDeniedAndNothingElse) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"prctl\"\ndo = \"EPERM\"\nreason = \"a test\"\n");
  const std::vector<std::string> get_dumpable = {GuestPath("guest_static"), "call", "157", "3"};
  const std::vector<std::string> get_name = {GuestPath("guest_static"), "call", "157", "16", "zero"};
  const testkit::Job job = Watched().Profile(policy).Run(get_dumpable);
  EXPECT_EQ(job.out, "{\"result\": -1, \"errno\": 1}\n") << job;
  const testkit::Finished applied = Apply(job, policy);
  EXPECT_EQ(applied.exit_code(), 0) << applied.out << applied.err;
  EXPECT_NE(applied.out.find("option == PR_GET_DUMPABLE"), std::string::npos) << applied.out;
  EXPECT_NE(testkit::ReadFile(policy).find("# a remark that stays"), std::string::npos);
  EXPECT_EQ(AsCaller().Profile(policy).Run(get_dumpable).out.find("\"result\": -1"), std::string::npos);
  EXPECT_EQ(AsCaller().Profile(policy).Run(get_name).out, "{\"result\": -1, \"errno\": 1}\n");
}

// A rule in front of one that refuses everything would leave that one without use: it is named instead.
TEST_P(Watch, AnEditThatWouldHideARuleOfTheFileIsNotMade) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"keyctl\"\ndo = \"EACCES\"\nreason = \"a test\"\n");
  const std::string before = testkit::ReadFile(policy);
  const testkit::Job job = Watched().Profile(policy).Run({GuestPath("guest_static"), "call", "250", "0"});
  const testkit::Finished applied = Apply(job, policy);
  EXPECT_EQ(applied.exit_code(), 0) << applied.err;
  EXPECT_NE(applied.out.find("change that rule instead: rule keyctl: a test"), std::string::npos) << applied.out;
  EXPECT_EQ(testkit::ReadFile(policy), before);
}

// Paths too: what is hidden from the job and what is read-only, by which line, and what would show it.
TEST_P(Watch, AFileThatIsNotShownIsToldAndCanBeShown) {
  const std::string policy = folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n[files]\nread = [\n  \"@none\", \"@libs\",  # a remark\n  \"/usr/bin/dash\",\n]\n");
  const std::vector<std::string> command = {"/usr/bin/dash", "-c", "/usr/bin/head -c 2 /etc/os-release; echo > /usr/lib/x"};
  const testkit::Job job = Watched().Profile(policy).Run(command);
  EXPECT_EQ(job.out, "") << job;
  bool hidden = false, read_only = false;
  for (const auto& kind : job.report["denials"]["kinds"]) {
    hidden = hidden || (kind["path"] == "/usr/bin/head" && kind["action"] == "errno ENOENT" && kind["rule"] == "[files] has no line that shows it");
    const bool names_line = kind["rule"].get<std::string>().find("[files] shows /usr/lib read-only (" + policy + ":5:") == 0;
    read_only = read_only || (kind["path"] == "/usr/lib/x" && kind["action"] == "errno EROFS" && names_line);
  }
  EXPECT_TRUE(hidden && read_only) << job;
  const testkit::Finished applied = Apply(job, policy);
  EXPECT_NE(applied.out.find("files: + read /usr/bin/head"), std::string::npos) << applied.out << applied.err;
  EXPECT_NE(testkit::ReadFile(policy).find("# a remark"), std::string::npos);
  const testkit::Job again = Watched().Profile(policy).Run(command);
  EXPECT_EQ(again.err.find("head: not found"), std::string::npos) << again;
}

// A guest can name any file of the host: what not everybody may read there is never proposed.
TEST_P(Watch, ASecretOfTheHostIsNoEdit) {
  const testkit::Job job = Watched().Run({"/usr/bin/dash", "-c", "true < /etc/shadow"});
  const nlohmann::json kind = KindOf(job, "openat");
  ASSERT_TRUE(kind.is_object()) << job;
  EXPECT_EQ(kind["path"], "/etc/shadow") << kind;
  EXPECT_TRUE(kind["edit"].is_null()) << kind;
}

TEST_P(Watch, AStormIsCountedAndDoesNotFillTheReport) {
  const testkit::Job job = Watched().Run({GuestPath("guest_static"), "storm", "250", "20000"});
  EXPECT_EQ(job.out, "20000 failed\n") << job;
  EXPECT_EQ(job.report["denials"]["count"], 20000) << job;
  EXPECT_LE(job.report["denials"]["kinds"].size(), 8u) << job;
}

// The verdict hangs on registers alone.
TEST_P(Watch, ArgumentsThatChangeWhileTheyAreReadChangeNoVerdict) {
  const std::string policy = Policy("[[syscalls.rule]]\ncall = \"open\"\ndo = \"EPERM\"\nreason = \"a test\"\n");
  const testkit::Job job = Watched().Profile(policy).Run({GuestPath("guest_static"), "shifting", "2", "2000"});
  EXPECT_EQ(job.out, "2000 failed\n") << job;
  int opens = 0;
  for (const auto& kind : job.report["denials"]["kinds"]) opens += kind["call"] == "open" ? kind["count"].get<int>() : 0;
  EXPECT_EQ(opens, 2000) << job;
}

// A watcher that is gone leaves nobody who could let a call through.
TEST_P(Watch, WithoutItsWatcherTheJobGetsNoCallMore) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  close(ends[0]);
  const testkit::Job job = AsCaller().Descriptor(9, ends[1]).Flag("--watcher", "9").Run({GuestPath("guest_static"), "call", "250"});
  close(ends[1]);
  EXPECT_EQ(job.out, "{\"result\": -1, \"errno\": 38}\n") << job;
}

MOAT_AS_BOTH_CALLERS(Watch);

}  // namespace
}  // namespace moat
