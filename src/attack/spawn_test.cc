#include "attack/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack/battery.h"

namespace moat::attack {
namespace {

SpawnRequest Shell(const std::string& script) {
  SpawnRequest request;
  request.argv = {"/bin/sh", "-c", script};
  request.environment = {"PATH=/usr/bin:/bin"};
  return request;
}

TEST(Spawn, BringsOutputAndEnd) {
  const auto done = Spawn(Shell("echo OPEN it works; echo no >&2; exit 3"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->out, "OPEN it works\n");
  EXPECT_EQ(done->err, "no\n");
  EXPECT_EQ(WEXITSTATUS(done->status), 3);
}

TEST(Spawn, KeepsABoundedPartOfTheOutput) {
  const auto done = Spawn(Shell("head -c 1000000 /dev/zero"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->out.size(), 64U << 10);
}

// The pipe's other end lives on in a process that was left behind.
TEST(Spawn, DoesNotWaitForWhatWasLeftBehind) {
  const auto done = Spawn(Shell("sleep 1000 & echo CLOSED done"));
  ASSERT_TRUE(done.ok());
  EXPECT_FALSE(done->timed_out);
  EXPECT_EQ(done->out, "CLOSED done\n");
}

TEST(Spawn, EndsWhatTakesTooLong) {
  SpawnRequest request = Shell("sleep 1000");
  request.timeout = std::chrono::milliseconds(50);
  const auto done = Spawn(request);
  ASSERT_TRUE(done.ok());
  EXPECT_TRUE(done->timed_out);
  EXPECT_EQ(ReadAnswer(*done).fate, Fate::kUnclear);
}

TEST(Spawn, PlacesDescriptorsWhereTheyWereAsked) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  SpawnRequest request = Shell("echo there >&9");
  request.descriptors = {{9, ends[1]}};
  ASSERT_TRUE(Spawn(request).ok());
  ::close(ends[1]);
  char text[16] = {};
  EXPECT_EQ(::read(ends[0], text, sizeof(text)), 6);
  ::close(ends[0]);
}

TEST(Spawn, RunsInACopyOfThisProcess) {
  SpawnRequest request;
  request.in_child = [] {
    (void)!::write(1, "CLOSED here\n", 12);
    ::raise(SIGSYS);
  };
  const auto done = Spawn(request);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(ReadAnswer(*done).text, "here");
  EXPECT_TRUE(WIFSIGNALED(done->status));
}

TEST(Answers, AreTheProbesWordsOrNothing) {
  EXPECT_EQ(ReadAnswer({0, false, "OPEN a b\nrest", ""}).text, "a b");
  EXPECT_EQ(ReadAnswer({0, false, "NOT-HERE x\n", ""}).fate, Fate::kNotApplicable);
  for (const char* said : {"", "OPENED\n", "CLOSE\n", "\n"}) {
    EXPECT_EQ(ReadAnswer({0, false, said, ""}).fate, Fate::kUnclear) << said;
  }
}

// A death without proof is no refusal: a probe that crashes must not count as stopped.
TEST(Spawn, CountsAndEndsWhoIsLeft) {
  EXPECT_EQ(Spawn(Shell("true"))->survivors, 0U);
  const auto done = Spawn(Shell("setsid sleep 1000 & setsid sleep 1000 & echo"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->survivors, 2U);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "somebody is left";
}

TEST(Spawn, ReadsToTheEndWhereThatIsAsked) {
  SpawnRequest request = Shell("(read line <&3; echo HELD) & echo first; exit 0");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  request.descriptors = {{3, ends[0]}};
  ASSERT_EQ(::write(ends[1], "x\n", 2), 2);
  request.until = Until::kStreamsEnd;
  const auto done = Spawn(request);
  ASSERT_TRUE(done.ok());
  EXPECT_NE(done->out.find("HELD"), std::string::npos);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Spawn, SeesWhoChangedItsPipe) {
  EXPECT_FALSE(Spawn(Shell("true"))->nonblocking);
  SpawnRequest request;
  request.in_child = [] { ::_exit(::fcntl(1, F_SETFL, O_NONBLOCK)); };
  EXPECT_TRUE(Spawn(request)->nonblocking);
}

TEST(Battery, ADeathIsNotARefusalByItself) {
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof(self));
  ASSERT_GT(length, 0);
  const std::string folder(self, static_cast<std::size_t>(length));
  const std::string build = folder.substr(0, folder.rfind("/tests/"));
  auto battery = Battery::Plant(build + "/libexec/moat/moat-probe");
  ASSERT_TRUE(battery.ok()) << battery.error().ToString();
  const Entry& entry = *FindEntry("is-root-group");
  if (::getegid() != 0) GTEST_SKIP() << "the control needs root";
  const auto dies = [](int signal) {
    Target target{"dies", [signal](const Entry&, const std::vector<std::string>&, SpawnRequest& request) -> Status {
                    request.argv = {"/bin/sh", "-c", "kill -" + std::to_string(signal) + " $$"};
                    return {};
                  }};
    return target;
  };
  EXPECT_EQ(battery->Try(entry, dies(SIGSEGV))->fate, Fate::kUnclear);
  EXPECT_EQ(battery->Try(entry, dies(SIGKILL))->fate, Fate::kUnclear);
  EXPECT_EQ(battery->Try(entry, dies(SIGSYS))->fate, Fate::kClosed);
}

}  // namespace
}  // namespace moat::attack
