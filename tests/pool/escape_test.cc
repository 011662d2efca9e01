// What a job that was taken over tries against its worker's seal, its zygote and other jobs. Each
// attempt ends in a denial with death, or is refused with the errno of docs/seal.md; the zygote goes on.
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "pool/testing.h"

namespace moat::pool::testing {
namespace {

constexpr const char* kDeadly[] = {
    "clone", "clone-guess", "keeper-clone", "keeper-recvmsg", "fork", "recvmsg", "sendmsg", "read-channel",
    "read-output", "write-input", "map-shared", "map-output", "dup3", "close-range", "open", "socket", "kill-zygote",
    "kill-all", "kill-by-pidfd", "abort-group", "pidfd-open", "fetch-fd", "memory-of-parent", "ptrace", "executable", "unshare",
    "execve", "seccomp"};
// Answered without harm; dying of them would be a riddle.
constexpr const char* kRefused[] = {"close-channel", "dup", "stop-self", "sigsys-self", "death-signal", "dumpable", "raise-limit"};

class Attempts : public ::testing::TestWithParam<const char*> {};

Done Try(Zygote& zygote, const std::string& what) {
  const std::string request = "try " + what;
  const sys::Fd in = FileWith("input"), out = FileWith("output");
  const int inputs[] = {in.get()}, outputs[] = {out.get()};
  const Done done = Job(zygote, WorkerOrder{request, inputs, outputs, -1, {}, {}, {}});
  EXPECT_EQ(ContentOf(in), "input");
  return done;
}

TEST_P(Attempts, EndTheJob) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"kill"}, {"threads"}}) {
    const auto zygote = StartGuest(words);
    ASSERT_NE(zygote, nullptr);
    const Done done = Try(*zygote, GetParam());
    EXPECT_EQ(done.report.cause, Cause::kDenied) << done.report.detail << " " << done.answer;
    EXPECT_EQ(Job(*zygote, "exit 0").report.exit_code, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Attempts, ::testing::ValuesIn(kDeadly),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Escape, HarmlessQuestionsAreRefused) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  for (const char* what : kRefused) {
    const Done done = Try(*zygote, what);
    EXPECT_EQ(done.answer, "refused") << what << ": " << done.report.detail;
  }
}

TEST(Escape, WithErrnoTheJobGoesOnAndGetsNothing) {
  const auto zygote = StartGuest({"errno"});
  ASSERT_NE(zygote, nullptr);
  for (const char* what : kDeadly) {
    const Done done = Try(*zygote, what);
    EXPECT_EQ(done.answer, "refused") << what << ": " << done.report.detail;
  }
}

// The control: the same attempts by a process that is no worker. Those that would harm whoever runs
// the test are left out.
TEST(Escape, WithoutASealTheAttemptsWouldSucceed) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const sys::Fd here(ends[0]), there(ends[1]);
  EXPECT_GE(sys::Fd(open("/etc/passwd", O_RDONLY | O_CLOEXEC)).get(), 0);
  EXPECT_GE(sys::Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)).get(), 0);
  EXPECT_GE(sys::Fd(static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0))).get(), 0);
  EXPECT_EQ(write(here.get(), "x", 1), 1);
  char byte;
  EXPECT_EQ(recv(there.get(), &byte, 1, 0), 1);
}

// ---- the keeper's number ----

std::vector<std::uint64_t> PlacesOf(int pid, std::uint64_t number) {
  std::vector<std::uint64_t> places;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  const sys::Fd memory(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0;
    char rights[5] = {};
    if (sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3 || rights[0] != 'r') continue;
    if (line.find("[v") != std::string::npos) continue;
    std::string bytes(end - begin, '\0');
    const ssize_t got = pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(begin));
    for (ssize_t at = 0; at + 8 <= got; at += 4) {  // halves may lie in instructions, too
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + at, sizeof(word));
      if (word == number) places.push_back(begin + static_cast<std::uint64_t>(at));
    }
  }
  return places;
}

// Each half on its own: as the operand of an instruction.
std::size_t HalvesIn(int pid, std::uint64_t number) {
  std::size_t found = 0;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  const sys::Fd memory(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0;
    char rights[5] = {};
    if (sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3 || rights[1] != 'w') continue;
    std::string bytes(end - begin, '\0');
    const ssize_t got = pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(begin));
    for (ssize_t at = 0; at + 4 <= got; at += 4) {
      std::uint32_t half;
      std::memcpy(&half, bytes.data() + at, sizeof(half));
      if (half == static_cast<std::uint32_t>(number) || half == static_cast<std::uint32_t>(number >> 32)) ++found;
    }
  }
  return found;
}

TEST(KeeperNumber, IsNowhereInAJobAndInOnePlaceOfTheZygote) {
  if (geteuid() != 0) GTEST_SKIP() << "only root reads the memory of a process that is not dumpable";
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const std::string told = Job(*zygote, "number").answer;
  std::uint64_t place = 0, there = 1;
  std::istringstream(told) >> place >> there;
  EXPECT_EQ(there, 0U);
  std::uint64_t number = 0;
  const sys::Fd memory(open(("/proc/" + std::to_string(zygote->pid()) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(pread(memory.get(), &number, sizeof(number), static_cast<off_t>(place)), static_cast<ssize_t>(sizeof(number)));
  ASSERT_NE(number, 0U);
  EXPECT_EQ(PlacesOf(zygote->pid(), number), std::vector<std::uint64_t>{place});

  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd in(ends[0]);
  sys::Fd out(ends[1]);
  const int inputs[] = {in.get()};
  Worker worker = SpawnOne(*zygote);
  ASSERT_TRUE(worker.Give({"wait", inputs, {}, -1, {}}).ok());
  ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
  struct pollfd answered{worker.channel(), POLLIN, 0};
  ASSERT_EQ(poll(&answered, 1, kPatience), 1);
  EXPECT_TRUE(PlacesOf(worker.pid(), number).empty());
  EXPECT_EQ(HalvesIn(worker.pid(), number), 0U);
  out.Close();
  EXPECT_EQ(Finish(*zygote, worker).report.exit_code, 0);
}

TEST(KeeperNumber, DiffersBetweenZygotes) {
  if (geteuid() != 0) GTEST_SKIP() << "only root reads the memory of a process that is not dumpable";
  std::uint64_t numbers[2] = {};
  for (std::uint64_t& number : numbers) {
    const auto zygote = StartGuest();
    ASSERT_NE(zygote, nullptr);
    std::uint64_t place = 0;
    std::istringstream(Job(*zygote, "number").answer) >> place;
    const sys::Fd memory(open(("/proc/" + std::to_string(zygote->pid()) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(pread(memory.get(), &number, sizeof(number), static_cast<off_t>(place)), static_cast<ssize_t>(sizeof(number)));
  }
  EXPECT_NE(numbers[0], numbers[1]);
}

// ---- what the kernel says about a worker ----

std::string Field(int pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  }
  return "";
}

TEST(Escape, WorkersHaveNoRights) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"apart"}}) {
    const auto zygote = StartGuest(words);
    ASSERT_NE(zygote, nullptr);
    Worker worker = SpawnOne(*zygote);
    ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
    const int pid = worker.pid();
    for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapAmb"}) EXPECT_EQ(Field(pid, set), "0000000000000000") << set;
    EXPECT_EQ(Field(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(Field(pid, "Seccomp"), "2");
    EXPECT_EQ(Field(pid, "Seccomp_filters"), "1");
    EXPECT_NE(Field(pid, "Uid").substr(0, 2), "0\t");
    EXPECT_EQ(Field(pid, "PPid"), std::to_string(getpid()));
  }
}

TEST(Escape, ApartThereIsNothingToSee) {
  if (geteuid() != 0) GTEST_SKIP() << "only root looks into other processes' namespaces";
  const auto zygote = StartGuest({"apart"});
  ASSERT_NE(zygote, nullptr);
  const std::string process = "/proc/" + std::to_string(zygote->pid());
  char ours[64] = {}, theirs[64] = {};
  for (const char* name : {"mnt", "net", "ipc", "uts", "cgroup"}) {
    const std::string space = std::string("/ns/") + name;
    ASSERT_GT(readlink(("/proc/self" + space).c_str(), ours, sizeof(ours) - 1), 0);
    ASSERT_GT(readlink((process + space).c_str(), theirs, sizeof(theirs) - 1), 0);
    EXPECT_STRNE(ours, theirs);
  }
  std::ifstream mounts(process + "/mountinfo");
  std::string line;
  ASSERT_TRUE(std::getline(mounts, line));
  EXPECT_NE(line.find(" / ro,"), std::string::npos) << line;
  EXPECT_FALSE(std::getline(mounts, line)) << line;
  EXPECT_EQ(Job(*zygote, "exit 3").report.exit_code, 3);
}

}  // namespace
}  // namespace moat::pool::testing
