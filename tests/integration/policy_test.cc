// A wrong policy, or a host that cannot keep it, is refused in words; the job never runs.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

namespace fs = std::filesystem;

class Policy : public testkit::CallerTest {
 protected:
  testkit::Job RunWith(const std::string& policy) {
    return AsCaller().Profile(folder_.File("policy.toml", policy)).Run({"echo", "ran"});
  }
  // Refused with a line that has all these words in it, and nothing was run.
  static void ExpectRefused(const testkit::Job& job, const std::vector<std::string>& words) {
    EXPECT_EQ(job.exit_code(), 125) << job;
    EXPECT_EQ(job.out, "") << job;
    EXPECT_EQ(job.Cause(), "setup") << job;
    for (const std::string& word : words) EXPECT_NE(job.err.find(word), std::string::npos) << "no `" << word << "` in\n" << job;
  }
};

// sandbox-runtime#434
TEST_P(Policy, AnUnknownKeyIsRefusedWithWhatWasMeant) {
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\ndiscription = \"x\"\n"), {"discription", "description", "policy.toml:3"});
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\n[limits]\nmemroy = \"64M\"\n"), {"memroy", "memory", "policy.toml:4"});
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\ndenyWriteTypo = true\n"), {"denyWriteTypo"});
  ExpectRefused(RunWith("moat = 1\nbase = \"defualt\"\n"), {"defualt", "default"});
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\n[syscalls]\nallow = [\"opneat\"]\n"), {"opneat", "openat"});
}

// sandbox-runtime#122
TEST_P(Policy, APolicyThatIsNotThereIsNoPolicy) {
  ExpectRefused(AsCaller().Profile(folder_ / "none.toml").Run({"echo", "ran"}), {"none.toml"});
  ExpectRefused(AsCaller().Profile("no-such-profile").Run({"echo", "ran"}), {"no-such-profile"});
  ExpectRefused(AsCaller().Profile(folder_.Folder("folder.toml")).Run({"echo", "ran"}), {"folder.toml"});
  ExpectRefused(RunWith(""), {"moat = 1"});
  if (!is_root()) {
    const std::string unreadable = folder_.File("unreadable.toml", "moat = 1\nbase = \"default\"\n", 0000);
    ExpectRefused(AsCaller().Profile(unreadable).Run({"echo", "ran"}), {"unreadable.toml"});
  }
}

// sudo and su may keep $HOME: a home that we cannot look into is not ours.
TEST_P(Policy, AnotherUsersHomeIsNotInTheWay) {
  if (is_root()) return;  // looks into everything
  const std::string home = folder_.Folder("home", 0000);
  const testkit::Job job = AsCaller().Flag("--no-cache").Env("HOME", home).Env("XDG_CONFIG_HOME", "").Run({"echo", "ran"});
  EXPECT_EQ(job.out, "ran\n") << job;
  ExpectRefused(AsCaller().Env("XDG_CONFIG_HOME", home).Profile("no-such-profile").Run({"echo", "ran"}), {"no-such-profile"});
  ASSERT_EQ(::chmod(home.c_str(), 0700), 0);
}

// firejail#1168: exact or refused, never something near.
TEST_P(Policy, SizesAreExactOrRefused) {
  const struct {
    const char* given;
    const char* blocks;  // `ulimit -f` in units of 512 bytes; null: refused
  } rows[] = {{"4294967296", nullptr}, {"1.5G", "3145728"}, {"4G", "8388608"},   {"1K", "2"},
              {"-1", nullptr},         {"10MBB", nullptr},  {"10MB", nullptr},   {"18446744073709551616", nullptr},
              {"18446744073709551616B", nullptr},           {"17179869184G", nullptr},
              {"1.3B", nullptr},       {"", nullptr},       {"M", nullptr},      {"unlimited", "unlimited"}};
  for (const auto& row : rows) {
    const testkit::Job job = AsCaller().Flag("--file-size", row.given).Run({"sh", "-c", "ulimit -f"});
    if (row.blocks == nullptr) {
      ExpectRefused(job, {"file-size"});
    } else {
      EXPECT_EQ(job.out, std::string(row.blocks) + "\n") << row.given << "\n" << job;
    }
  }
}

// claude-code#49018
TEST_P(Policy, AnEmptyEnvironmentChangesNothing) {
  const testkit::Job job = AsCaller().NoEnvironment().Run({"sh", "-c", "id -u; test \"$(grep -c '^Seccomp:.2' /proc/self/status)\" = 1"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out, "1000\n") << job;
  const testkit::Job path = AsCaller().Env("PATH", "").Run({"id", "-u"});
  EXPECT_EQ(path.out, "1000\n") << path;
}

TEST_P(Policy, WithoutItsOtherHalfMoatRunsNothing) {
  fs::copy_file(testkit::MoatPath(), folder_ / "moat");
  ASSERT_EQ(::chmod((folder_ / "moat").c_str(), 0755), 0);
  testkit::Command command;
  command.argv = {folder_ / "moat", "run", "--", "/bin/echo", "ran"};
  command.environment = {"PATH=/usr/bin:/bin", "HOME=" + folder_.path().string()};
  if (!is_root() && ::geteuid() == 0) command.as = testkit::UserId();
  const testkit::Finished done = testkit::Run(command);
  EXPECT_EQ(done.exit_code(), 125);
  EXPECT_EQ(done.out, "");
  EXPECT_NE(done.err.find("moat-cli"), std::string::npos) << done.err;
}

// A kernel without Landlock, as moat would meet it: its calls are unknown. Once per process,
// in a child that ends: filters are never removed.
void ForgetLandlock() {
  const auto is = [](unsigned number) {
    return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number};
  };
  sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
      is(444), {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 38},
      is(445), {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 38},
      is(446), {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | 38},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
  // Root keeps its capabilities; an ordinary user has to promise to gain none.
  if (::geteuid() != 0) ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) ::_exit(99);
}

// OpenShell#803
TEST_P(Policy, WithoutLandlockItFailsClosed) {
  ExpectRefused(AsCaller().Flag("--no-cache").InChild(ForgetLandlock).Run({"echo", "ran"}), {"andlock"});
}

TEST_P(Policy, AStalePlanDoesNotHideThatLandlockIsGone) {
  ASSERT_EQ(AsCaller().Run({"echo", "ran"}).out, "ran\n");
  const testkit::Job job = AsCaller().InChild(ForgetLandlock).Run({"echo", "ran"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "");
  EXPECT_EQ(AsCaller().Run({"echo", "ran"}).out, "ran\n") << "and it is forgotten again";
}

TEST_P(Policy, BestEffortGoesOnAndSaysSo) {
  const testkit::Job job =
      AsCaller().Flag("--no-cache").Flag("--best-effort").InChild(ForgetLandlock).Run({"echo", "ran"});
  EXPECT_EQ(job.out, "ran\n") << job;
  const auto degraded = job.Layers("degraded"), enforced = job.Layers("enforced");
  EXPECT_NE(std::find(degraded.begin(), degraded.end(), "landlock"), degraded.end()) << job;
  EXPECT_EQ(std::find(enforced.begin(), enforced.end(), "landlock"), enforced.end()) << job;
}

TEST_P(Policy, ARuleNamesItsLineWhenItIsWrong) {
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"ioctl\"\nwhen = \"cmd = 1\"\ndo = \"allow\"\nreason = \"x\"\n"),
                {"policy.toml:3", "when", "=="});
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\n[files]\nread = [\"/no/such/file\"]\n"), {"/no/such/file", "policy.toml:4"});
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\n[files]\nread = [\"../x\"]\n"), {"policy.toml:4"});
  ExpectRefused(RunWith("moat = 1\nbase = \"default\"\n[limits]\nwall = \"30\"\n"), {"policy.toml:4", "30"});
}

MOAT_AS_BOTH_CALLERS(Policy);

}  // namespace
}  // namespace moat
