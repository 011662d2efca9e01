// What a caller of the library gets: streams, files, environment, causes.
#include "moat/sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "api/testing.h"
#include "sys/calls.h"
#include "sys/fd.h"

namespace moat {
namespace {

using testing::Folder;
using testing::MakePolicy;
using testing::MustRun;
using testing::Shell;

class SandboxTest : public ::testing::Test {
 protected:
  Folder folder_;
  Sandbox sandbox_{MakePolicy()};
};

TEST_F(SandboxTest, TellsHowItEnded) {
  const Outcome good = MustRun(sandbox_, Shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(good.report.cause, Cause::kExit) << good.report.Summary();
  EXPECT_EQ(good.report.exit_code, 7);
  EXPECT_EQ(good.out, "out\n");
  EXPECT_EQ(good.err, "err\n");
  EXPECT_EQ(good.report.out.bytes, 4u);
  EXPECT_EQ(good.report.policy_name, "default");
  EXPECT_FALSE(good.report.enforced.empty());
  const Outcome killed = MustRun(sandbox_, Shell("kill -USR1 $$"));
  EXPECT_EQ(killed.report.cause, Cause::kSignal);
  EXPECT_EQ(killed.report.signal, SIGUSR1);
}

TEST_F(SandboxTest, RunsAnArgumentListWithInheritedStreams) {
  ::testing::internal::CaptureStdout();
  auto report = sandbox_.Run({"/bin/echo", "a", "b"});
  const std::string text = ::testing::internal::GetCapturedStdout();
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(text, "a b\n");
}

TEST_F(SandboxTest, StreamsAreWhatWasAskedFor) {
  Command command = Shell("cat; echo done");
  command.in = Stream::Text("line\n" + std::string(200'000, 'x'));
  EXPECT_EQ(MustRun(sandbox_, command).out, "line\n" + std::string(200'000, 'x') + "done\n");
  command.in = Stream::Null();
  EXPECT_EQ(MustRun(sandbox_, command).out, "done\n");
  const sys::Fd in(open(folder_.Write("in", "from a file\n").c_str(), O_RDONLY | O_CLOEXEC));
  const sys::Fd out(open((folder_ / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  command.in = Stream::Descriptor(in.get());
  command.out = Stream::Descriptor(out.get());
  EXPECT_EQ(MustRun(sandbox_, command).out, "");
  EXPECT_EQ(folder_.Read("out"), "from a file\ndone\n");
}

TEST_F(SandboxTest, BadStreamsAreErrors) {
  Command command = Shell("true");
  command.out = Stream::Descriptor(1 << 20);
  EXPECT_FALSE(sandbox_.Run(command).ok());
  command.out = Stream::Text("x");
  EXPECT_FALSE(sandbox_.Run(command).ok());
  command.out = Stream::Null();
  command.in = Stream::Capture();
  EXPECT_FALSE(sandbox_.Run(command).ok());
  command.in = Stream::Null();
  EXPECT_EQ(MustRun(sandbox_, command).report.exit_code, 0);
}

TEST(SandboxLimits, CapturesEndAtThePolicysLimit) {
  Sandbox sandbox(MakePolicy({{"stdout", "10K"}}));
  const Outcome outcome = MustRun(sandbox, Shell("head -c 1000000 /dev/zero"));
  EXPECT_EQ(outcome.report.cause, Cause::kOutput) << outcome.report.Summary();
  EXPECT_TRUE(outcome.report.out.truncated);
  EXPECT_EQ(outcome.out.size(), 10240u);
  EXPECT_EQ(outcome.report.out.kept, 10240u);
}

TEST_F(SandboxTest, InputsAreShownUnderTheirNames) {
  const std::string secret = folder_.Write("a", "content of a");
  std::filesystem::permissions(secret, std::filesystem::perms(0600));
  Command command = Shell("cat \"$1\" \"$2\"; echo; echo \"$1 $2\"");
  command.argv.insert(command.argv.end(), {"sh", "{in1}", "{in2}"});
  // With command lines, "a=b" would be a new name for "a".
  command.inputs = {{secret, "upload.bin"}, {folder_.Write("a=b", " and a=b"), ""}};
  const Outcome outcome = MustRun(sandbox_, command);
  EXPECT_EQ(outcome.out, "content of a and a=b\n/in/upload.bin /in/a=b\n") << outcome.report.Summary() << outcome.err;
}

TEST_F(SandboxTest, InputsAreRelativeToOurFolder) {
  folder_.Write("here", "x");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_ / "");
  Command command = Shell("cat /in/here");
  command.inputs = {{"here", ""}};
  EXPECT_EQ(MustRun(sandbox_, command).out, "x");
  std::filesystem::current_path(before);
  EXPECT_EQ(MustRun(sandbox_, command).report.cause, Cause::kSetup);
}

TEST_F(SandboxTest, InputsMayBeDescriptors) {
  const sys::Fd file(open(folder_.Write("file", "by descriptor").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::rename(folder_ / "file", folder_ / "old");
  folder_.Write("file", "another one");
  Command command = Shell("cat /in/name");
  command.inputs = {{folder_ / "file", "name", file.get()}};  // the path is what people call it
  const Outcome outcome = MustRun(sandbox_, command);
  EXPECT_EQ(outcome.out, "by descriptor") << outcome.report.Summary();
}

TEST_F(SandboxTest, DescriptorsThatCannotBeShownAreSetupFailures) {
  const sys::Fd write_only(open(folder_.Write("file", "").c_str(), O_WRONLY | O_CLOEXEC));
  const sys::Fd nameless(memfd_create("nameless", MFD_CLOEXEC));
  const sys::Fd deleted(open((folder_ / "file").c_str(), O_RDONLY | O_CLOEXEC));
  std::filesystem::remove(folder_ / "file");
  Command command = Shell("true");
  for (const sys::Fd* fd : {&write_only, &nameless, &deleted}) {
    command.inputs = {{"", "name", fd->get()}};
    const Outcome outcome = MustRun(sandbox_, command);
    EXPECT_EQ(outcome.report.cause, Cause::kSetup);
    ASSERT_TRUE(outcome.report.setup.has_value());
    EXPECT_EQ(outcome.report.setup->stage, "input") << outcome.report.Summary();
  }
}

TEST_F(SandboxTest, MissingInputsAreSetupFailures) {
  Command command = Shell("true");
  command.inputs = {{folder_ / "absent", ""}};
  const Outcome outcome = MustRun(sandbox_, command);
  EXPECT_EQ(outcome.report.cause, Cause::kSetup);
  ASSERT_TRUE(outcome.report.setup.has_value());
  EXPECT_EQ(outcome.report.setup->subject, folder_ / "absent");
}

TEST_F(SandboxTest, OutputsAreCollected) {
  Command command = Shell("cd {out} && echo result > r.txt && mkdir d && echo deep > d/e && ln -s r.txt link");
  command.output_dir = folder_ / "results";  // made
  const Outcome outcome = MustRun(sandbox_, command);
  EXPECT_EQ(outcome.report.exit_code, 0) << outcome.report.Summary() << outcome.err;
  EXPECT_EQ(folder_.Read("results/r.txt"), "result\n");
  EXPECT_EQ(folder_.Read("results/d/e"), "deep\n");
  EXPECT_EQ(outcome.report.outputs.size(), 3u);
  EXPECT_EQ(outcome.report.refused.size(), 1u);
  std::filesystem::create_directory(folder_ / "other");
  const sys::Fd other(open((folder_ / "other").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  command.output_dir.clear();
  command.output_descriptor = other.get();
  MustRun(sandbox_, command);
  EXPECT_EQ(folder_.Read("other/r.txt"), "result\n");
}

TEST_F(SandboxTest, AnOutputFolderThatCannotBeIsAnError) {
  Command command = Shell("true");
  command.output_dir = folder_.Write("file", "");
  auto outcome = sandbox_.Run(command);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().subject, folder_ / "file");
}

TEST_F(SandboxTest, NothingPassesFromOurEnvironment) {
  setenv("MOAT_TEST_SECRET", "leaks", 1);
  setenv("LANG", "from_our_own", 1);
  const std::string bare = MustRun(sandbox_, Shell("env; tr '\\0' '\\n' < /proc/self/environ")).out;
  EXPECT_EQ(bare.find("leaks"), std::string::npos);
  EXPECT_EQ(bare.find("from_our_own"), std::string::npos);
  auto policy = Policy::Parse("moat = 1\nbase = \"default\"\n[environment]\npass = [\"MOAT_TEST_OFFER\"]\n", "test");
  ASSERT_TRUE(policy.ok()) << policy.error().ToString();
  Sandbox passing(*policy);
  Command command = Shell("echo $GIVEN-$MOAT_TEST_OFFER-$OTHER");
  command.environment = {"GIVEN=a"};
  command.offered_environment = {"MOAT_TEST_OFFER=b", "OTHER=c"};
  EXPECT_EQ(MustRun(passing, command).out, "a-b-\n");
  command.environment = {"NO_VALUE"};
  EXPECT_FALSE(passing.Run(command).ok());
}

TEST_F(SandboxTest, BigCommandsTravelToo) {
  Command command = Shell("echo ${#1} ${#BIG}");
  command.argv.insert(command.argv.end(), {"sh", std::string(100'000, 'a')});
  command.environment = {"BIG=" + std::string(90'000, 'b')};
  EXPECT_EQ(MustRun(sandbox_, command).out, "100000 90000\n");
}

TEST_F(SandboxTest, BigReportsTravelToo) {
  Command command = Shell("cd {out}; i=0; while [ $i -lt 2000 ]; do : > file-with-a-longer-name-$i; i=$((i+1)); done");
  command.output_dir = folder_ / "many";
  const Outcome outcome = MustRun(sandbox_, command);
  EXPECT_EQ(outcome.report.outputs.size(), 2000u) << outcome.report.Summary();
}

TEST_F(SandboxTest, WhatIsNoCommandIsAnError) {
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{}, {""}, {"/bin/true", std::string("a\0b", 3)}, {"no-such-program-anywhere"}}) {
    auto report = sandbox_.Run(argv);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().kind, ErrorKind::kPolicy) << report.error().ToString();
  }
}

TEST(SandboxLaunch, AMissingLauncherIsAnError) {
  Sandbox sandbox(MakePolicy(), {"/nowhere/moat", "/bin", 1});
  auto report = sandbox.Run({"/bin/true"});
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().error_number, ENOENT) << report.error().ToString();
  Sandbox wrong(MakePolicy(), {"/bin/true", "/bin", 1});
  auto other = wrong.Run({"/bin/true"});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().kind, ErrorKind::kHost) << other.error().ToString();
}

TEST_F(SandboxTest, APlanCanBeRead) {
  auto text = sandbox_.Plan(Shell("true"));
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("execve"), std::string::npos);
}

// The keys' sides are those of `moat run`: the hash is the same for good (base/hash_test.cc).
TEST(SandboxShare, AJobBeyondItIsRefusedAndNeverSilentlyEnforced) {
  Sandbox sandbox(MakePolicy({{"enforce", "50%"}}));
  Command command = Shell("echo ran");
  bool enforced = false, refused = false;
  for (int i = 0; i < 40 && !(enforced && refused); ++i) {
    command.key = "customer " + std::to_string(i);
    const auto outcome = sandbox.Run(command);
    if (outcome.ok()) {
      enforced = true;
      EXPECT_EQ(outcome->report.side, "enforced");
      EXPECT_EQ(sandbox.Run(command)->report.side, "enforced") << "the same key, the same side";
    } else {
      refused = true;
      EXPECT_EQ(outcome.error().kind, ErrorKind::kPolicy);
      EXPECT_NE(outcome.error().ToString().find("`enforce`"), std::string::npos) << outcome.error().ToString();
    }
  }
  EXPECT_TRUE(enforced);
  EXPECT_TRUE(refused);
}

TEST(SandboxShare, WhoSaysSoEnforcesEveryJob) {
  SandboxOptions options;
  options.beyond_share = BeyondShare::kEnforce;
  Sandbox sandbox(MakePolicy({{"enforce", "0%"}}), options);
  EXPECT_EQ(MustRun(sandbox, Shell("true")).report.side, "enforced");
  Sandbox strict(MakePolicy({{"enforce", "0%"}}));
  EXPECT_FALSE(strict.Run(Shell("true")).ok());
  EXPECT_EQ(MakePolicy({{"enforce", "5%"}}).enforced_share(), 5);
}

TEST(SandboxCancel, EndsTheJobFromAnotherThread) {
  Sandbox sandbox(MakePolicy({{"grace", "5s"}}));
  auto token = CancelToken::Make();
  ASSERT_TRUE(token.ok());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd read_end(ends[0]);
  sys::Fd write_end(ends[1]);
  Command command = Shell("trap 'echo asked; exit 9' TERM; echo ready >&2; while :; do sleep 0.05; done");
  command.err = Stream::Descriptor(write_end.get());
  command.cancel = *token;
  std::thread other([&] {
    char byte;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 1);  // it is up
    token->Cancel();
  });
  const Outcome outcome = MustRun(sandbox, command);
  other.join();
  EXPECT_EQ(outcome.report.cause, Cause::kCancelled) << outcome.report.Summary();
  EXPECT_EQ(outcome.out, "asked\n");
  EXPECT_TRUE(token->cancelled());
  // The token stays cancelled, the helper stays good.
  EXPECT_EQ(MustRun(sandbox, Shell("echo next")).out, "next\n");
}

TEST(SandboxCancel, BeforeTheStartCountsToo) {
  Sandbox sandbox(MakePolicy({{"grace", "0s"}}));
  auto token = CancelToken::Make();
  ASSERT_TRUE(token.ok());
  token->Cancel();
  Command command = Shell("sleep 60");
  command.cancel = *token;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(MustRun(sandbox, command).report.cause, Cause::kCancelled);
    // What was sent for one job must not reach another.
    EXPECT_EQ(MustRun(sandbox, Shell("exit 3")).report.exit_code, 3);
  }
}

TEST(SandboxCancel, AnEndedJobIsNotHarmed) {
  Sandbox sandbox(MakePolicy());
  for (int i = 0; i < 40; ++i) {
    auto token = CancelToken::Make();
    ASSERT_TRUE(token.ok());
    Command command = Shell("exit 0");
    command.cancel = *token;
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(500 * (i % 20)));
      token->Cancel();
    });
    const Outcome outcome = MustRun(sandbox, command);
    other.join();
    EXPECT_TRUE(outcome.report.cause == Cause::kExit || outcome.report.cause == Cause::kCancelled)
        << outcome.report.Summary();
  }
}

}  // namespace
}  // namespace moat
