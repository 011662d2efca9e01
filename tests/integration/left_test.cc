// Nothing is left behind: no mount, group, process, file or descriptor, however a job ended.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

constexpr uid_t kJobUidBase = 0x70000000;

// Mounts that only this program sees, so that it can compare tables while others run.
class OwnMounts : public testing::Environment {
 public:
  void SetUp() override {
    if (::geteuid() != 0) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    // Shared among itself: what moat does must not even reach its own namespace's peers.
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_SHARED, nullptr), 0);
  }
};
[[maybe_unused]] const auto* const own_mounts = testing::AddGlobalTestEnvironment(new OwnMounts);

// Files where everybody may write that belong to a job, or to the user whom the test plays.
std::set<std::string> FilesOfJobs(const std::set<std::string>& but) {
  std::set<std::string> found;
  for (const char* folder : {"/tmp", "/dev/shm", "/var/tmp", "/run"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      struct stat facts {};
      if (but.count(entry.path()) != 0 || ::lstat(entry.path().c_str(), &facts) != 0) continue;
      if (facts.st_uid >= kJobUidBase || (::geteuid() == 0 && facts.st_uid == testkit::UserId())) found.insert(entry.path());
    }
  }
  return found;
}

class Left : public testkit::CallerTest {
 protected:
  void SetUp() override {
    CallerTest::SetUp();
    // Whatever loses its parent becomes our child, and can be found.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    mounts_ = testkit::MountTable();
    descriptors_ = testkit::OpenDescriptors();
  }

  // Runs, notes who took part, and looks for them afterwards.
  testkit::Job Watch(testkit::Moat moat, const std::vector<std::string>& command) {
    auto job = moat.Start(command);
    const pid_t launcher = job.pid();
    const testkit::Job done = job.Finish();
    EXPECT_EQ(testkit::CgroupsOfLauncher(launcher), std::set<std::string>()) << done;
    return done;
  }

  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_EQ(testkit::MountTable(), mounts_);
    EXPECT_EQ(FilesOfJobs({folder_.path(), testkit::UserHome()}), std::set<std::string>());
    EXPECT_EQ(testkit::OpenDescriptors(), descriptors_);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left";
    EXPECT_EQ(errno, ECHILD);
  }

  std::vector<std::string> mounts_;
  std::set<std::string> descriptors_;
};

TEST_P(Left, AfterOrdinaryJobs) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Watch(AsCaller().Output(folder_ / "out").Input(folder_.File("in", "x")), {"cp", "{in}", "{out}/x"}).exit_code(), 0);
  }
}

TEST_P(Left, AfterOneThatCouldNotStart) {
  const std::string garbage = folder_.File("garbage", "not a program", 0755);
  EXPECT_EQ(Watch(AsCaller(), {garbage}).exit_code(), 125);
  EXPECT_EQ(Watch(AsCaller().Input("/no/such/file"), {"true"}).exit_code(), 125);
}

// T6.31 (pc2v9#810)
TEST_P(Left, AfterOneThatHidItsChildren) {
  const testkit::Job job = Watch(AsCaller(), {"sh", "-c",
                                              "setsid sh -c 'while :; do sleep 1; done' & (setsid sleep 99 &) & "
                                              "(trap '' TERM INT HUP; sleep 99 & sleep 98) & echo started"});
  EXPECT_EQ(job.out, "started\n");
}

TEST_P(Left, AfterEachLimit) {
  Watch(AsCaller().Flag("--wall", "200ms").Flag("--grace", "0s"), {"sh", "-c", "sleep 60 & sleep 60"});
  Watch(AsCaller().Flag("--stdout", "4K"), {"yes"});
  Watch(AsCaller().Flag("--pids", "8"), {"sh", "-c", "i=0; while [ $i -lt 30 ]; do sleep 60 & i=$((i+1)); done"});
  if (is_root()) Watch(AsCaller().Flag("--memory", "32M"), {"sh", "-c", "head -c 100M /dev/zero | tail -c 100M | wc -c"});
  Watch(AsCaller().Flag("--cpu", "200ms"), {"sh", "-c", "while :; do :; done"});
}

// T11.65 (ImageMagick#1167)
TEST_P(Left, ScratchIsGoneWithTheJob) {
  Watch(AsCaller().Flag("--wall", "2s").Flag("--grace", "0s"), {"sh", "-c", "echo x > /tmp/magick-left; echo x > /dev/shm/magick-left; sleep 99"});
  EXPECT_NE(::access("/tmp/magick-left", F_OK), 0);
  EXPECT_NE(::access("/dev/shm/magick-left", F_OK), 0);
}

TEST_P(Left, AStoppedJobDoesNotStay) {
  const testkit::Job job = Watch(AsCaller().Flag("--wall", "2s").Flag("--grace", "50ms"), {"sh", "-c", "kill -STOP $$"});
  EXPECT_EQ(job.Cause(), "wall") << job;
}

MOAT_AS_BOTH_CALLERS(Left);

}  // namespace
}  // namespace moat
