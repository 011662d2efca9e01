// The probe on the kernel that the tests run on, as whoever runs them and as nobody. What it
// finds is the host's business: the facts must be possible together, what works must work
// when it is done once more, and nothing may be left behind.
#include "probe/probe.h"

#include <gtest/gtest.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "probe/cgroup_files.h"

namespace moat::probe {
namespace {

using plan::Fact;
using plan::HostFacts;

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

void ExpectSane(const Fact& fact, const char* name) {
  SCOPED_TRACE(name);
  EXPECT_FALSE(fact.detail.empty());
  if (fact.works) {
    EXPECT_EQ(fact.error_number, 0);
    EXPECT_EQ(fact.fix, "");
  } else {
    EXPECT_NE(fact.error_number, 0) << fact.detail;
  }
}

void ExpectConsistent(const HostFacts& facts) {
  const std::pair<const char*, const Fact*> all[] = {
      {"root", &facts.root}, {"user_ns", &facts.user_ns}, {"mount_ns", &facts.mount_ns}, {"pid_ns", &facts.pid_ns},
      {"net_ns", &facts.net_ns}, {"ipc_ns", &facts.ipc_ns}, {"uts_ns", &facts.uts_ns},
      {"cgroup_ns", &facts.cgroup_ns}, {"mount_api", &facts.mount_api}, {"openat2", &facts.openat2},
      {"clone3", &facts.clone3}, {"close_range", &facts.close_range}, {"pidfd", &facts.pidfd},
      {"procfs", &facts.procfs}, {"procfs_subset", &facts.procfs_subset}, {"tmpfs", &facts.tmpfs},
      {"overlayfs", &facts.overlayfs}, {"idmap", &facts.idmap}, {"seccomp", &facts.seccomp},
      {"seccomp_log", &facts.seccomp_log}, {"seccomp_notify", &facts.seccomp_notify},
      {"rlimit_nproc_per_ns", &facts.rlimit_nproc_per_ns}, {"loopback", &facts.loopback},
      {"landlock", &facts.landlock}};
  for (const auto& [name, fact] : all) ExpectSane(*fact, name);
  EXPECT_EQ(facts.euid, geteuid());
  EXPECT_FALSE(facts.kernel.empty());
  EXPECT_EQ(facts.landlock.works, facts.landlock_abi > 0);
  if (!facts.root.works && !facts.user_ns.works) {
    EXPECT_FALSE(facts.pid_ns.works);
    EXPECT_FALSE(facts.tmpfs.works);
  }
  if (facts.procfs.works) {
    EXPECT_TRUE(facts.pid_ns.works);
  }
  if (facts.loopback.works) {
    EXPECT_TRUE(facts.net_ns.works);
  }
  if (facts.mount_api.works) {
    EXPECT_TRUE(facts.tmpfs.works);
  }
  if (facts.rlimit_nproc_per_ns.works) {
    EXPECT_TRUE(facts.user_ns.works);
  }
  for (const plan::Controller* each : {&facts.cgroups.memory, &facts.cgroups.pids, &facts.cgroups.cpu,
                                 &facts.cgroups.cpuacct, &facts.cgroups.cpuset, &facts.cgroups.freezer}) {
    EXPECT_EQ(each->writable, each->problem.empty()) << each->problem;
    if (each->writable) {
      EXPECT_TRUE(std::filesystem::is_directory(each->folder)) << each->folder;
    }
  }
}

enum class Dumpable : unsigned char { kNo, kYes };

// Runs the test's body as nobody, in a child whose failures are ours. A change of ids leaves a
// process that is not dumpable, unlike one that was executed with them.
void AsNobody(Dumpable dumpable, const std::function<void()>& body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool changed = setgroups(0, nullptr) == 0 && setresgid(65534, 65534, 65534) == 0 &&
                         setresuid(65534, 65534, 65534) == 0;
    if (!changed) _exit(77);
    prctl(PR_SET_DUMPABLE, dumpable == Dumpable::kYes ? 1 : 0);
    body();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "only root can become nobody";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ProbeTest, FactsAreConsistent) {
  const auto facts = Probe();
  ASSERT_TRUE(facts.ok()) << facts.error().ToString();
  ExpectConsistent(*facts);
}

TEST(ProbeTest, FactsAreConsistentForNobody) {
  AsNobody(Dumpable::kYes, [] {
    const auto facts = Probe();
    ASSERT_TRUE(facts.ok());
    ExpectConsistent(*facts);
    EXPECT_FALSE(facts->root.works);
    EXPECT_EQ(facts->root.fix, "run as root");
  });
}

TEST(ProbeTest, ChangedIdsAreNamed) {
  AsNobody(Dumpable::kNo, [] {
    const auto facts = Probe();
    ASSERT_TRUE(facts.ok());
    ExpectConsistent(*facts);
    EXPECT_FALSE(facts->user_ns.works);
  });
}

TEST(ProbeTest, WhatWorksWorksAgain) {
  const auto facts = Probe();
  ASSERT_TRUE(facts.ok());
  if (!facts->user_ns.works || !facts->net_ns.works) GTEST_SKIP() << "no user or network namespaces here";
  // Not fork: a sanitizer starts a thread of its own in that child, and then no user namespace.
  const pid_t child = _Fork();
  if (child == 0) _exit(syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0 ? 0 : errno);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(ProbeTest, LeavesNothingBehind) {
  ASSERT_TRUE(Probe().ok());  // what the C library opens once is open now
  const std::string mounts = ReadWhole("/proc/self/mountinfo");
  const std::size_t descriptors = OpenDescriptors();
  const auto folder = std::filesystem::current_path();
  sigset_t before, after;
  sigemptyset(&before);
  sigemptyset(&after);
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const auto facts = Probe();
  ASSERT_TRUE(facts.ok());
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 65; ++signal) EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
  EXPECT_EQ(OpenDescriptors(), descriptors);
  EXPECT_EQ(ReadWhole("/proc/self/mountinfo"), mounts);
  EXPECT_EQ(std::filesystem::current_path(), folder);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
  for (const auto* each : {&facts->cgroups.memory, &facts->cgroups.pids}) {
    if (each->folder.empty()) continue;
    const std::string trial = "moat-probe-" + std::to_string(getpid()) + "-";
    for (const auto& entry : std::filesystem::directory_iterator(each->folder)) {
      EXPECT_NE(entry.path().filename().string().substr(0, trial.size()), trial);
    }
  }
}

TEST(ProbeTest, SendsNoSigchld) {
  static volatile sig_atomic_t seen = 0;
  struct sigaction action = {}, before = {};
  action.sa_handler = [](int) { seen = 1; };
  ASSERT_EQ(sigaction(SIGCHLD, &action, &before), 0);
  ASSERT_TRUE(Probe().ok());
  sigaction(SIGCHLD, &before, nullptr);
  EXPECT_EQ(seen, 0);
}

TEST(ProbeTest, TimeIsBounded) {
  Options options;
  options.timeout = std::chrono::milliseconds(0);
  const auto facts = Probe(options);
  ASSERT_TRUE(facts.ok());
  ExpectConsistent(*facts);  // whatever was reached by then
}

TEST(ProbeTest, ProbeGroupIsRemovedWhereItCouldBeMade) {
  const RealCgroupHost host;
  const std::string folder = testing::TempDir() + "/moat-probe-parent-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  EXPECT_EQ(host.TryGroup(folder).error_number, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_EQ(host.TryGroup(folder + "/absent").error_number, ENOENT);
  std::filesystem::remove(folder);
}

}  // namespace
}  // namespace moat::probe
