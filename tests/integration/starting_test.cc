// Hosts that make starting hard: it works, or one line says what is missing.
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::GuestPath;

class Starting : public testkit::CallerTest {};

// Only moat's own: a sanitizer in a half of it may have something to say as well.
int LinesOfMoat(const std::string& text) {
  int count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) count += line.rfind("moat: ", 0) == 0 ? 1 : 0;
  return count;
}

// Runs, or is refused in one line that names `word`.
void ExpectRunsOrNames(const testkit::Job& job, const std::string& word) {
  if (job.exit_code() == 0) {
    EXPECT_EQ(job.out, "ran\n") << job;
    return;
  }
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "") << job;
  EXPECT_EQ(LinesOfMoat(job.err), 1) << job;
  EXPECT_NE(job.err.find(word), std::string::npos) << job;
}

// codex#23468: root in name only, as in a container.
TEST_P(Starting, WithoutCapSysAdmin) {
  const testkit::Job job = AsCaller().Flag("--no-cache").InChild([] {
    ::prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {};
    ::syscall(SYS_capget, &header, data);
    for (auto& word : {&data[0].effective, &data[0].permitted, &data[0].inheritable}) *word &= ~(1U << CAP_SYS_ADMIN);
    ::syscall(SYS_capset, &header, data);
  }).Run({"echo", "ran"});
  ExpectRunsOrNames(job, "CAP_SYS_ADMIN");
}

// sandbox-runtime#214
TEST_P(Starting, InsideAnotherMoat) {
  const testkit::Job job = AsCaller().Flag("--read", testkit::BuildFolder()).Run({testkit::MoatPath(), "run", "--no-cache", "--", "echo", "ran"});
  EXPECT_NE(job.Cause(), "setup") << "the outer one: " << job;
  ExpectRunsOrNames(job, "moat: ");
}

// A user namespace in which every id is itself, made for one test: its limits are nobody else's.
class OwnLimits {
 public:
  explicit OwnLimits(const std::string& no_more_user_namespaces) {
    int ready[2], go[2];
    EXPECT_EQ(::pipe(ready), 0);
    EXPECT_EQ(::pipe(go), 0);
    holder_ = ::_Fork();  // see testkit/process.cc
    if (holder_ == 0) {
      char byte = 0;
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(1);  // mounts that its root may change
      (void)!::write(ready[1], "x", 1);
      (void)!::read(go[0], &byte, 1);
      std::ofstream("/proc/sys/user/max_user_namespaces") << no_more_user_namespaces << std::flush;
      (void)!::write(ready[1], "x", 1);
      for (;;) ::pause();
    }
    ::close(ready[1]);  // so that the end of the holder is heard
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    const std::string process = "/proc/" + std::to_string(holder_);
    testkit::WriteFile(process + "/uid_map", "0 0 4294967295\n");
    testkit::WriteFile(process + "/gid_map", "0 0 4294967295\n");
    (void)!::write(go[1], "x", 1);
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    for (const int fd : {ready[0], go[0], go[1]}) ::close(fd);
    namespaces_ = {process + "/ns/user", process + "/ns/mnt"};
  }
  ~OwnLimits() {
    ::kill(holder_, SIGKILL);
    ::waitpid(holder_, nullptr, 0);
  }
  // In a child: joins, and becomes `uid` in there.
  void Join(uid_t uid) const {
    for (const std::string& path : namespaces_) {
      const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (::setns(fd, 0) != 0) ::_exit(99);
    }
    if (::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0) ::_exit(99);
  }

 private:
  pid_t holder_ = -1;
  std::vector<std::string> namespaces_;
};

class NoUserNamespaces : public testkit::RootTest {};

// bubblewrap#371
TEST_F(NoUserNamespaces, RootStartsAllTheSame) {
  const OwnLimits none("0");
  const testkit::Job job = testkit::Moat().Flag("--no-cache").InChild([&] { none.Join(0); }).Run({"echo", "ran"});
  EXPECT_EQ(job.out, "ran\n") << job;
  EXPECT_EQ(job.exit_code(), 0);
  const auto degraded = job.Layers("degraded");
  EXPECT_NE(std::find(degraded.begin(), degraded.end(), "user namespace"), degraded.end()) << job;
}

TEST_F(NoUserNamespaces, AJobOfRootHasStillNoPowerAtAll) {
  const OwnLimits none("0");
  const testkit::Job job =
      testkit::Moat().Flag("--no-cache").InChild([&] { none.Join(0); }).Run({"grep", "-E", "^(Uid|Cap|Seccomp|NoNew)", "/proc/self/status"});
  EXPECT_NE(job.out.find("CapEff:\t0000000000000000"), std::string::npos) << job;
  EXPECT_NE(job.out.find("CapBnd:\t0000000000000000"), std::string::npos) << job;
  EXPECT_NE(job.out.find("Seccomp:\t2"), std::string::npos) << job;
  EXPECT_EQ(job.out.find("Uid:\t0"), std::string::npos) << job;
}

TEST_F(NoUserNamespaces, AUserIsToldTheSysctl) {
  const OwnLimits none("0");
  const testkit::Job job = testkit::Moat()
                               .Flag("--no-cache")
                               .Env("HOME", testkit::UserHome())
                               .Cwd("/")
                               .InChild([&] { none.Join(testkit::UserId()); })
                               .Run({"echo", "ran"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "");
  EXPECT_NE(job.err.find("max_user_namespaces"), std::string::npos) << job;
  EXPECT_EQ(job.err.find("No space left"), std::string::npos) << job;
}

// docker/for-linux#496: denied, unless the policy says otherwise.
TEST_P(Starting, AWorkloadThatSandboxesItself) {
  const testkit::Job denied = AsCaller().Run({"unshare", "-U", "true"});
  EXPECT_NE(denied.exit_code(), 0) << denied;
  EXPECT_EQ(denied.Cause(), "exit") << denied;
  const std::string policy = folder_.File("own.toml",
                                          "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"unshare\"\n"
                                          "when = \"flags == CLONE_NEWUSER\"\ndo = \"allow\"\n"
                                          "reason = \"this browser builds a sandbox of its own\"\n");
  const testkit::Job allowed = AsCaller().Profile(policy).Run({"unshare", "-U", "true"});
  EXPECT_EQ(allowed.exit_code(), 0) << allowed;
}

// windmill#8842: the job's id owns nothing outside, and need not.
TEST_P(Starting, ResultsGoIntoAFolderThatOnlyTheCallerCanEnter) {
  const std::string out = folder_.Folder("private", 0700);
  if (!is_root() && ::geteuid() == 0) {
    ASSERT_EQ(::chown(out.c_str(), testkit::UserId(), testkit::UserId()), 0);
  }
  const testkit::Job job = AsCaller().Output(out).Run({"sh", "-c", "echo result > {out}/r"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(testkit::ReadFile(out + "/r"), "result\n");
  struct stat facts {};
  ASSERT_EQ(::stat((out + "/r").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, is_root() ? 0U : ::geteuid() == 0 ? testkit::UserId() : ::geteuid());
}

TEST_P(Starting, FromAFolderThatIsGone) {
  const std::string gone = folder_.Folder("gone", 0777);
  const testkit::Job job = AsCaller().InChild([&] {
    (void)!::chdir(gone.c_str());
    ::rmdir(gone.c_str());
  }).Run({"pwd"});
  EXPECT_EQ(job.out, "/tmp\n") << job;
}

TEST_P(Starting, WithTheStandardStreamsClosed) {
  for (int closed = 0; closed < 3; ++closed) {
    const testkit::Job job = AsCaller().InChild([&] { ::close(closed); }).Run({GuestPath("guest_static"), "exit", "5"});
    EXPECT_EQ(job.exit_code(), 5) << closed << "\n" << job;
  }
}

MOAT_AS_BOTH_CALLERS(Starting);

}  // namespace
}  // namespace moat
