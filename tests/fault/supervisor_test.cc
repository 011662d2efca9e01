// The launcher itself in trouble: full disks, no descriptors, no processes, no memory, its pid 1 killed or
// stopped, signals without end, names that are orders. Whatever happens: a job never runs with less around
// it than was asked for, there is one end of it, told once and never as success when it was none, and nobody
// and nothing is left.
#include <gtest/gtest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

using testkit::Caller;
using testkit::Job;

constexpr auto kPace = std::chrono::milliseconds(25);  // a job that gets far installs a filter

class Supervisor : public testkit::CallerTest {
 protected:
  void SetUp() override {
    CallerTest::SetUp();
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  }
  static void ExpectNobody() {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1) << "a process outlived its launcher";
    EXPECT_EQ(errno, ECHILD);
  }
  // Either it is as whole as ever, or it did not start and says so.
  void ExpectWholeOrNone(const Job& job, const Job& whole) {
    if (job.exit_code() == 0) {
      EXPECT_EQ(job.Layers("enforced"), whole.Layers("enforced")) << job;
      EXPECT_EQ(job.Layers("degraded"), whole.Layers("degraded")) << job;
      EXPECT_EQ(job.out, "fine\n") << job;
    } else {
      EXPECT_EQ(job.exit_code(), 125) << job;
      EXPECT_EQ(job.out, "") << job;
      EXPECT_FALSE(job.err.empty()) << job;
    }
  }
};

// Of the launcher, from none that it could use up to enough.
TEST_P(Supervisor, WithoutDescriptors) {
  const Job whole = AsCaller().Run({"echo", "fine"});
  ASSERT_EQ(whole.exit_code(), 0) << whole;
  const auto descriptors = testkit::OpenDescriptors();
  int refused = 0, ran = 0;
  for (rlim_t most = 3; most <= 250; most = most < 40 ? most + 1 : most + 30) {
    SCOPED_TRACE(std::to_string(most) + " descriptors");
    std::this_thread::sleep_for(kPace);
    testkit::Moat moat = AsCaller();
    if (most % 2 == 0) moat.Flag("--no-cache");  // then the host is looked at first
    moat.InChild([most] {
      const struct rlimit limit = {most, most};
      ::setrlimit(RLIMIT_NOFILE, &limit);
    });
    testkit::RunningJob running = moat.Start({"echo", "fine"});
    const pid_t launcher = running.pid();
    const Job job = running.Finish();
    ExpectWholeOrNone(job, whole);
    ++(job.exit_code() == 0 ? ran : refused);
    ExpectNobody();
    EXPECT_EQ(testkit::CgroupsOfLauncher(launcher), std::set<std::string>());
  }
  EXPECT_GT(refused, 10);
  EXPECT_EQ(testkit::OpenDescriptors(), descriptors);
  // Nothing of it was remembered about this host.
  ExpectWholeOrNone(AsCaller().Run({"echo", "fine"}), whole);
  EXPECT_EQ(AsCaller().Run({"echo", "fine"}).exit_code(), 0);
  std::printf("%d runs refused, %d whole\n", refused, ran);
}

// Its pid 1 is everybody's end, and so is its own.
TEST_P(Supervisor, WhosePid1IsKilled) {
  testkit::RunningJob running = AsCaller().Start({"sh", "-c", "echo here; sleep 600"});
  ASSERT_TRUE(running.AwaitOutput("here\n"));
  std::vector<pid_t> all = testkit::Descendants(running.pid());
  std::erase(all, running.pid());
  ASSERT_GE(all.size(), 2U);
  const auto held = testkit::HoldProcesses(all);
  ASSERT_EQ(::kill(all.front(), SIGKILL), 0);
  const Job job = running.Finish();
  EXPECT_NE(job.exit_code(), 0) << job;
  EXPECT_FALSE(job.timed_out) << job;
  EXPECT_NE(job.Cause(), "exit") << job;
  EXPECT_TRUE(testkit::AwaitEnd(held));
  ExpectNobody();
}

TEST_P(Supervisor, WhosePid1IsStopped) {
  testkit::RunningJob running = AsCaller().Flag("--wall", "1s").Start({"sh", "-c", "echo here; sleep 600"});
  ASSERT_TRUE(running.AwaitOutput("here\n"));
  std::vector<pid_t> all = testkit::Descendants(running.pid());
  std::erase(all, running.pid());
  ASSERT_EQ(::kill(all.front(), SIGSTOP), 0);
  const Job job = running.Finish();
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_NE(job.exit_code(), 0) << job;
  ExpectNobody();
}

// A process that waits inside the kernel, for a disk or a server that does not answer, cannot be killed, and its
// pid 1 does not go before it. To the launcher it is all the same who keeps it: here we do, by ptrace(2), in whose
// hands a process that was killed stays until we wait for it.
TEST_P(Supervisor, WhoseJobCannotBeKilled) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, who may hold every process";
  testkit::RunningJob running = AsCaller().Flag("--wall", "1s").Output(folder_ / "out").Start({"sh", "-c", "echo here; sleep 600; :"});
  ASSERT_TRUE(running.AwaitOutput("here\n"));
  pid_t sleeper = 0;
  for (int round = 0; round < 10'000 && sleeper == 0; ++round) {
    for (const pid_t pid : testkit::Descendants(running.pid())) {
      if (testkit::ReadFile("/proc/" + std::to_string(pid) + "/comm") == "sleep\n") sleeper = pid;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_NE(sleeper, 0);
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, sleeper, nullptr, nullptr), 0) << std::strerror(errno);
  const pid_t launcher = running.pid();
  const Job job = running.Finish();
  EXPECT_FALSE(job.timed_out) << job;
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_NE(job.exit_code(), 0) << job;
  ASSERT_TRUE(job.report.is_object()) << job;
  const std::string detail = job.report["detail"].get<std::string>();
  EXPECT_NE(detail.find("killed, and not gone: process " + std::to_string(sleeper) + " \"sleep\" (state "), std::string::npos) << detail;
  EXPECT_TRUE(job.report["results_lost"].is_string()) << job;
  int status = 0;
  EXPECT_EQ(::waitpid(sleeper, &status, __WALL), sleeper);
  EXPECT_TRUE(WIFSIGNALED(status));
  while (::waitpid(-1, nullptr, __WALL) > 0) {
  }
  EXPECT_EQ(errno, ECHILD);
  EXPECT_TRUE(testkit::RemoveCgroupsOfLauncher(launcher)) << "a group is left, and not empty";
}

// Every call of the launcher that can be interrupted is, most of them more than once.
TEST_P(Supervisor, UnderSignalsWithoutEnd) {
  for (int round = 0; round < 2; ++round) {
    testkit::RunningJob running = AsCaller().Start({"sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); (:); done; echo done; exit 7"});
    for (int count = 0; !running.out().ends_with("done\n") && count < 20000; ++count) {
      if (!running.Signal(SIGCHLD)) break;
      std::this_thread::yield();
    }
    const Job job = running.Finish();
    EXPECT_EQ(job.out, "done\n") << job;
    EXPECT_EQ(job.exit_code(), 7) << job;
    EXPECT_EQ(job.Cause(), "exit") << job;
    ExpectNobody();
  }
}

// A disk without room behind standard output is no success, whatever the program says.
TEST_P(Supervisor, WhoseOutputHasNoRoom) {
  const sys::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  for (const int number : {1, 2}) {
    const std::string write = number == 1 ? "echo lost" : "echo lost >&2";
    const Job job = AsCaller().Descriptor(number, full.get()).Run({"sh", "-c", write});
    EXPECT_EQ(job.exit_code(), 125) << job;
    ASSERT_TRUE(job.report.is_object()) << job;
    EXPECT_EQ(job.Cause(), "exit") << job;
    const std::string lost = job.report["results_lost"].is_string() ? job.report["results_lost"].get<std::string>() : "";
    EXPECT_NE(lost.find(number == 1 ? "standard output" : "standard error"), std::string::npos) << job;
    EXPECT_NE(lost.find("ENOSPC"), std::string::npos) << job;
  }
}

// What a guest calls itself, its files and its words, is printed by moat only as what it is: no order to a
// terminal, no line of a log.
TEST_P(Supervisor, WhomAGuestWantsToLogForIt) {
  const std::string policy = folder_.File("kills.toml",
      "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"add_key\"\ndo = \"kill\"\nreason = \"for the test of what is logged\"\n", 0644);
  const std::string evil = "\\e[2J\\n##vso[x]";
  const std::string script = "$n = \"" + evil + "\"; $0 = $n; open(F, '>', \"$ARGV[0]/$n\"); symlink('/etc', \"$ARGV[0]/l$n\"); syscall(248, 0, 0, 0, 0, 0);";
  const Job job = AsCaller().Profile(policy).Flag("--env", "LC_ALL=C").Output(folder_ / "out").Run({"perl", "-e", script, "{out}", "\x1b[31m\n::error::"});
  EXPECT_EQ(job.Cause(), "denied") << job;
  ASSERT_TRUE(job.report.is_object()) << job;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < job.err.size(); at = job.err.find('\n', at) + 1, ++lines) {
    EXPECT_EQ(job.err.compare(at, 6, "moat: "), 0) << job;
    if (job.err.find('\n', at) == std::string::npos) break;
  }
  EXPECT_GT(lines, 0U) << job;
  for (const unsigned char c : job.err) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c != 0x7f)) << job;
  for (const std::string& name : testkit::FilesBelow(folder_ / "out")) {
    for (const unsigned char c : name) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << name;
  }
}

MOAT_AS_BOTH_CALLERS(Supervisor);

// An ordinary user who may not start one more process.
class WithoutProcesses : public testkit::RootTest {};

TEST_F(WithoutProcesses, NothingStartsHalf) {
  const Job whole = testkit::Moat(Caller::kUser).Run({"echo", "fine"});
  if (whole.exit_code() != 0) GTEST_SKIP() << "no jail for an ordinary user: " << whole.err;
  int refused = 0;
  for (rlim_t most = 0; most <= 8; ++most) {
    SCOPED_TRACE(std::to_string(most) + " processes");
    std::this_thread::sleep_for(kPace);
    const Job job = testkit::Moat(Caller::kUser)
                        .InChild([most] {
                          const struct rlimit limit = {most, most};
                          ::setrlimit(RLIMIT_NPROC, &limit);
                        })
                        .Run({"echo", "fine"});
    if (job.exit_code() == 0) {
      EXPECT_EQ(job.Layers("enforced"), whole.Layers("enforced")) << job;
      continue;
    }
    ++refused;
    EXPECT_NE(job.out, "fine\n") << job;
    EXPECT_NE(job.err.find("EAGAIN"), std::string::npos) << job;
  }
  EXPECT_GT(refused, 0);
  EXPECT_EQ(testkit::Moat(Caller::kUser).Run({"echo", "fine"}).exit_code(), 0);
}

// A small file system of the test's own, seen by nobody else.
class Disk : public testkit::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    place_ = folder_ / "small";
    ASSERT_EQ(::mkdir(place_.c_str(), 0755), 0);
    ASSERT_EQ(::mount("small", place_.c_str(), "tmpfs", MS_NOSUID, "size=64k,mode=0755"), 0);
  }
  void TearDown() override {
    if (!place_.empty()) ::umount2(place_.c_str(), MNT_DETACH);
  }
  void Fill() {
    std::filesystem::create_directory(place_ + "/out");
    while (testkit::WriteFile(place_ + "/fill" + std::to_string(++files_), std::string(4096, 'x'))) {
    }
  }
  std::string place_;
  int files_ = 0;
};

TEST_F(Disk, FullWhereResultsGo) {
  const Job job = testkit::Moat().Output(place_ + "/out").Run(
      {"sh", "-c", "echo first > /out/a; head -c 1000000 /dev/zero > /out/b; echo last > /out/c"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.Cause(), "exit") << "what the program did is told as it was\n" << job;
  ASSERT_TRUE(job.report["results_lost"].is_string()) << job;
  EXPECT_NE(job.report["results_lost"].get<std::string>().find("ENOSPC"), std::string::npos) << job;
  EXPECT_EQ(testkit::FilesBelow(place_ + "/out"), std::set<std::string>{place_ + "/out/a"}) << "whole or not at all";
  EXPECT_EQ(testkit::ReadFile(place_ + "/out/a"), "first\n");
}

TEST_F(Disk, ReadOnlyWhereResultsGo) {
  std::filesystem::create_directory(place_ + "/out");
  ASSERT_EQ(::mount(nullptr, place_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const Job job = testkit::Moat().Output(place_ + "/out").Run({"sh", "-c", "echo first > /out/a"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  ASSERT_TRUE(job.report["results_lost"].is_string()) << job;
}

// Plans are kept there, to be quicker: without room a job starts all the same, and as whole.
TEST_F(Disk, FullUnderTheCache) {
  const Job whole = testkit::Moat().Run({"echo", "fine"});
  Fill();
  for (int round = 0; round < 2; ++round) {
    const Job job = testkit::Moat().Env("XDG_CACHE_HOME", place_ + "/cache").Env("HOME", place_).Run({"echo", "fine"});
    EXPECT_EQ(job.exit_code(), 0) << job;
    EXPECT_EQ(job.out, "fine\n") << job;
    EXPECT_EQ(job.Layers("enforced"), whole.Layers("enforced"));
  }
}

TEST_F(Disk, FullUnderTheReport) {
  Fill();
  const Job job = testkit::Moat().WithoutReport().Flag("--report", place_ + "/report.json").Run({"echo", "fine"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("the report could not be written"), std::string::npos) << job;
  EXPECT_FALSE(std::filesystem::exists(place_ + "/report.json")) << "half a report is none";
}

// The launcher shares a group with too little memory for it, of any size: the kernel kills it somewhere.
class Memory : public testkit::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    const std::string parent = testkit::OwnMemoryCgroup();
    if (parent.empty()) GTEST_SKIP() << "no group counts memory here";
    group_ = parent + "/moat-fault-" + std::to_string(::getpid());
    ASSERT_EQ(::mkdir(group_.c_str(), 0755), 0) << group_;
    limit_ = group_ + "/memory.limit_in_bytes";
    if (!std::filesystem::exists(limit_)) GTEST_SKIP() << "no limit of memory can be set below this process' group";
  }
  void TearDown() override {
    for (int round = 0; !group_.empty() && ::rmdir(group_.c_str()) != 0 && errno == EBUSY && round < 100; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  std::string group_, limit_;
};

TEST_F(Memory, TooLittleForTheLauncher) {
  const Job whole = testkit::Moat().Run({"echo", "fine"});
  ASSERT_EQ(whole.exit_code(), 0) << whole;
  int killed = 0;
  for (const long kibibytes : {128, 192, 256, 320, 384, 512, 640, 768, 1024, 1536, 2048, 4096, 8192}) {
    SCOPED_TRACE(std::to_string(kibibytes) + " KiB");
    ASSERT_TRUE(testkit::WriteFile(limit_, std::to_string(kibibytes * 1024)));
    std::this_thread::sleep_for(kPace);
    testkit::RunningJob running = testkit::Moat()
                                      .InChild([procs = group_ + "/cgroup.procs"] {
                                        if (!testkit::WriteFile(procs, "0")) ::_exit(99);
                                      })
                                      .Start({"echo", "fine"});
    const pid_t launcher = running.pid();
    const Job job = running.Finish();
    if (job.signal() == SIGKILL) ++killed;
    EXPECT_FALSE(job.timed_out) << job;
    EXPECT_NE(job.exit_code(), 99) << job;
    if (job.exit_code() == 0) {
      EXPECT_EQ(job.Layers("enforced"), whole.Layers("enforced")) << job;
      EXPECT_EQ(job.out, "fine\n") << job;
    }
    // A process of the job ends with the launcher, by the kernel's hand, and we reap it.
    while (::waitpid(-1, nullptr, __WALL) > 0) {
    }
    EXPECT_EQ(errno, ECHILD);
    EXPECT_TRUE(testkit::RemoveCgroupsOfLauncher(launcher)) << "a group is left, and not empty";
  }
  std::printf("%d launchers were killed\n", killed);
  EXPECT_GT(killed, 0);
  EXPECT_EQ(testkit::Moat().Run({"echo", "fine"}).exit_code(), 0) << "the next job";
}

// The wall clock goes a day forth and back. Only where the machine is the test's own.
class Clock : public testkit::RootTest {};

TEST_F(Clock, JumpsAndLimitsDoNotMind) {
  if (::getenv("MOAT_TEST_OWNS_CLOCK") == nullptr) GTEST_SKIP() << "the clock is the machine's";
  constexpr time_t kDay = 86400;
  for (const time_t jump : {kDay, -kDay}) {
    testkit::RunningJob running = testkit::Moat().Flag("--wall", "2s").Start({"sh", "-c", "echo here; sleep 600"});
    ASSERT_TRUE(running.AwaitOutput("here\n"));
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += jump;
    ASSERT_EQ(::clock_settime(CLOCK_REALTIME, &now), 0);
    const Job job = running.Finish();
    EXPECT_EQ(job.Cause(), "wall") << job;
    const auto wall = job.report.value("wall", std::uint64_t{0});
    EXPECT_GE(wall, 2'000'000U) << job;
    EXPECT_LT(wall, 3'600'000'000U) << job;
  }
}

}  // namespace
}  // namespace moat
