// Thousands of jobs, one after the other: the host is as it was before. MOAT_SOAK_JOBS says how
// many (`make soak`: 10,000); in `make test` a few hundred, which shows any growth per job.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "moat/sandbox.h"
#include "testkit/host.h"
#include "testkit/moat.h"

namespace moat {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testkit::Caller;

constexpr uid_t kJobUidBase = 0x70000000;
constexpr milliseconds kPace{4};  // each job installs a filter: at most 250 in a second

int Jobs() {
  const char* text = std::getenv("MOAT_SOAK_JOBS");
  return text != nullptr ? std::max(10, std::atoi(text)) : 200;
}

// Of jobs, or of the user whom the test plays: names of others come and go.
std::set<std::string> OurFiles() {
  std::set<std::string> found;
  std::error_code error;
  for (const char* folder : {"/tmp", "/dev/shm", "/var/tmp", "/run"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      struct stat facts {};
      if (::lstat(entry.path().c_str(), &facts) != 0) continue;
      if (facts.st_uid >= kJobUidBase || facts.st_uid == testkit::UserId()) found.insert(entry.path());
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator("/var/cache/moat", error)) {
    if (entry.path().extension() != ".plan") found.insert(entry.path());
  }
  return found;
}

std::size_t DescriptorsOf(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator at("/proc/" + std::to_string(pid) + "/fd", error);
  return error ? 0 : static_cast<std::size_t>(std::distance(at, std::filesystem::directory_iterator()));
}

// Everything that could grow, as text that is compared whole.
struct Host {
  std::vector<std::string> mounts = testkit::MountTable();
  std::set<std::string> descriptors = testkit::OpenDescriptors();
  std::set<std::string> files = OurFiles();
};

void ExpectSame(const Host& before) {
  const Host after;
  EXPECT_EQ(after.mounts, before.mounts);
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.files, before.files);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG | __WALL), -1) << "a process is left";
  EXPECT_EQ(errno, ECHILD);
}

// A helper makes some of the next job ready and drops remains behind its answer: what is there
// right after an answer is not what stays.
template <typename Condition>
bool Eventually(Condition condition) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

class Pace {
 public:
  void Wait() {
    std::this_thread::sleep_until(next_);
    next_ = steady_clock::now() + kPace;
  }

 private:
  steady_clock::time_point next_ = steady_clock::now();
};

void Tell(const char* what, int jobs, steady_clock::time_point begin) {
  const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  std::printf("%s: %d jobs in %.1f s, %.0f per second\n", what, jobs, seconds, jobs / seconds);
}

class Soak : public testing::TestWithParam<Caller> {};

TEST_P(Soak, CommandsLeaveNothing) {
  const std::string against = testkit::ReasonAgainst(GetParam());
  if (!against.empty()) GTEST_SKIP() << against;
  const testkit::TempDir folder;
  if (::geteuid() == 0 && GetParam() == Caller::kUser) folder.GiveTo(testkit::UserId());
  const std::string input = folder.File("input", "text");
  const auto moat = testkit::Moat(GetParam()).Input(input).Output(folder / "out").WithoutReport();
  const std::vector<std::vector<std::string>> commands = {
      {"cp", "{in}", "{out}/x"}, {"sh", "-c", "echo x > /tmp/x; setsid sleep 99 &"}, {"false"}, {"/no/such/program"}};
  for (const auto& command : commands) moat.Run(command);  // plans and folders are made
  const Host before;
  std::set<std::string> groups;
  Pace pace;
  const auto begin = steady_clock::now();
  const int jobs = Jobs();
  std::map<int, int> codes;
  for (int i = 0; i < jobs; ++i) {
    pace.Wait();
    testkit::RunningJob job = moat.Start(commands[static_cast<std::size_t>(i) % commands.size()]);
    const pid_t launcher = job.pid();
    ++codes[job.Finish().exit_code()];
    // Now, and not in the end: numbers of processes come again, and may by then be somebody else's.
    groups.merge(testkit::CgroupsOfLauncher(launcher));
  }
  Tell(NameOf(GetParam()), jobs, begin);
  EXPECT_EQ(codes, (std::map<int, int>{{0, jobs / 2}, {1, jobs / 4}, {125, jobs / 4}}));
  EXPECT_EQ(groups, std::set<std::string>());
  ExpectSame(before);
}

INSTANTIATE_TEST_SUITE_P(As, Soak, testing::Values(Caller::kRoot, Caller::kUser),
                         [](const auto& caller) { return std::string(testkit::NameOf(caller.param)); });

// One helper for all of them: what it keeps of each job would add up.
TEST(SoakLibrary, HelpersKeepNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "the tests do not run as root";
  auto policy = Policy::Load("default");
  ASSERT_TRUE(policy.ok()) << policy.error().ToString();
  ASSERT_TRUE(policy->Set("memory", "200M").ok());
  const testkit::TempDir folder;
  const Host outside;
  std::set<pid_t> helpers;
  {
    SandboxOptions options;
    // A copy, so that its processes are ours and no other test's.
    options.launcher = folder / "moat";
    std::filesystem::copy_file(testkit::MoatPath(), options.launcher);
    Sandbox sandbox(*policy, options);
    Command command;
    command.argv = {"/bin/sh", "-c", "echo $0 > $1/x", "{in}", "{out}"};
    command.inputs = {{folder.File("input", "text"), "input"}};
    command.output_dir = folder / "out";
    // Descriptors of any of them, at the pace of the others: how many jails wait ahead depends on it.
    std::size_t most = 0;
    Pace pace;
    for (int i = 0; i < 50; ++i) {
      pace.Wait();
      ASSERT_TRUE(sandbox.Run(command).ok());
      helpers = testkit::ProcessesOf(options.launcher);
      for (const pid_t helper : helpers) most = std::max(most, DescriptorsOf(helper));
    }
    ASSERT_FALSE(helpers.empty());
    const Host before;
    const auto begin = steady_clock::now();
    for (int i = 0; i < Jobs(); ++i) {
      pace.Wait();
      const auto outcome = sandbox.Run(command);
      ASSERT_TRUE(outcome.ok()) << outcome.error().ToString();
      ASSERT_EQ(outcome->report.ExitStatus(), 0) << outcome->report.ToJson();
    }
    Tell("library", Jobs(), begin);
    for (const pid_t helper : testkit::ProcessesOf(options.launcher)) {
      EXPECT_TRUE(Eventually([&] { return DescriptorsOf(helper) <= most; })) << DescriptorsOf(helper);
    }
    // The next jobs' pid 1 wait in their groups already, three of them: in one group of v2, or those of v1 for memory,
    // processes and time.
    constexpr std::size_t kAhead = 3, kGroupsOfOne = 3;
    EXPECT_TRUE(Eventually([&] { return testkit::CgroupsOfLaunchers(helpers).size() <= kAhead * kGroupsOfOne * helpers.size(); }));
    ExpectSame(before);
  }
  EXPECT_TRUE(Eventually([&] { return testkit::CgroupsOfLaunchers(helpers).empty(); }));
  ExpectSame(outside);
}

}  // namespace
}  // namespace moat
