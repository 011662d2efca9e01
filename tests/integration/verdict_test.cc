// One cause for each job, from what the kernel and moat's own clock prove, and the raw end beside
// it. A number behind T is the entry's in tests/log_entries.txt: a complaint that the test answers.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "testkit/caller_test.h"
#include "testkit/host.h"

namespace moat {
namespace {

using testkit::GuestPath;
using testkit::Job;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMillisecond = 1'000'000;

class Verdict : public testkit::CallerTest {
 protected:
  Job Shell(const std::string& script) { return AsCaller().Run({"sh", "-c", script}); }
  static std::string Hints(const Job& job) { return job.report["hints"].dump(); }
};

// What needs control groups, which root has here.
class VerdictByGroups : public testkit::RootTest {
 protected:
  static testkit::Moat Root() { return testkit::Moat(testkit::Caller::kRoot); }
  // A host may lack a controller; then the limit is refused, and there is nothing to judge.
  static bool Lacks(const Job& job) { return job.Cause() == "setup"; }
  static std::uint64_t Number(const Job& job, const char* object, const char* key) {
    return job.report[object][key].is_number() ? job.report[object][key].get<std::uint64_t>() : 0;
  }
};

#define SKIP_WITHOUT_CONTROLLER(job) \
  if (Lacks(job)) GTEST_SKIP() << "no such controller: " << (job).report["detail"]

// --- the program's own end --------------------------------------------------------------------

// judge0#298, piston#301: three jobs that used to look alike.
TEST_P(Verdict, FolkloreNumbersProveNothing) {
  const Job code = Shell("exit 137");
  EXPECT_EQ(code.Cause(), "exit") << code;
  EXPECT_EQ(code.report["exit_code"], 137);
  EXPECT_TRUE(code.report["signal"].is_null());
  EXPECT_EQ(code.exit_code(), 137);
  const Job killed = Shell("kill -9 $$");
  EXPECT_EQ(killed.Cause(), "signal") << killed;
  EXPECT_EQ(killed.report["signal"], SIGKILL);
  EXPECT_TRUE(killed.report["exit_code"].is_null());
  EXPECT_EQ(killed.exit_code(), 137);
  const Job timeout = Shell("exit 124");
  EXPECT_EQ(timeout.Cause(), "exit") << timeout;
  EXPECT_EQ(timeout.report["exit_code"], 124);
  for (const Job& job : {code, killed, timeout}) EXPECT_TRUE(job.report["limits_hit"].empty()) << job;
}

// A guest cannot choose its cause by a signal to itself.
TEST_P(Verdict, SignalsThatAGuestSendsItselfAreSignals) {
  for (const int number : {SIGSYS, SIGXFSZ, SIGXCPU, SIGKILL}) {
    const Job job = AsCaller().Flag("--file-size", "8M").Run({GuestPath("guest_static"), "die", std::to_string(number)});
    EXPECT_EQ(job.Cause(), "signal") << job;
    EXPECT_EQ(job.report["signal"], number);
    EXPECT_EQ(job.report["denials"]["count"], 0);
    EXPECT_TRUE(job.report["limits_hit"].empty()) << job;
  }
}

// T15.88 (Hydro#45)
TEST_P(Verdict, ACrashHintsAtTheStackAndItsSize) {
  const Job job = AsCaller().Flag("--stack", "2M").Run({"python3", "-c",
      "import sys,os,threading\nos.kill(os.getpid(), 11)"});
  EXPECT_EQ(job.Cause(), "signal") << job;
  EXPECT_NE(Hints(job).find("2.0 MiB"), std::string::npos) << job;
}

// T2.14 (nsjail#43) is in exit_test.cc.

// --- denials ----------------------------------------------------------------------------------

class VerdictDenied : public testkit::CallerTest {
 protected:
  testkit::Moat Deadly() {
    // The guest is shown, so that a shell can start it.
    return AsCaller().Profile(folder_.File("deadly.toml",
        "moat = 1\nbase = \"default\"\n[files]\nread = [\"" + GuestPath("guest_static") +
        "\"]\n[[syscalls.rule]]\ncall = \"keyctl\"\ndo = \"kill\"\nreason = \"a test\"\n"));
  }
};

TEST_P(VerdictDenied, NamesTheCallAndItsArguments) {
  const Job job = Deadly().Run({GuestPath("guest_static"), "call", "250", "7", "8"});
  EXPECT_EQ(job.Cause(), "denied") << job;
  EXPECT_EQ(job.report["denials"]["count"], 1);
  EXPECT_EQ(job.report["denials"]["kinds"][0]["call"], "keyctl") << job;
  EXPECT_EQ(job.report["denials"]["kinds"][0]["arguments"], "0x7, 0x8, 0x0, 0x0, 0x0, 0x0");
  EXPECT_TRUE(job.report["exit_code"].is_null());
}

// In a child, and the program exits 0.
TEST_P(VerdictDenied, AChildsDenialIsTold) {
  const std::string guest = GuestPath("guest_static");
  const Job job = Deadly().Run({"sh", "-c", guest + " call 250 1; " + guest + " call 250 2; exit 0"});
  EXPECT_EQ(job.Cause(), "denied") << job;
  EXPECT_EQ(job.report["exit_code"], 0);
  EXPECT_EQ(job.report["denials"]["count"], 2);
  EXPECT_EQ(job.report["denials"]["kinds"].size(), 1U) << "the same call";
}

// In a thread: the whole process ends, whatever its main thread is doing.
TEST_P(VerdictDenied, AThreadsDenialEndsTheProcess) {
  const Job job = Deadly().Flag("--wall", "60m").Run({"python3", "-c",
      "import ctypes, threading, time\n"
      "threading.Thread(target=lambda: ctypes.CDLL(None).syscall(250, 1, 0, 0)).start()\n"
      "time.sleep(3000)\n"});
  EXPECT_EQ(job.Cause(), "denied") << job;
}

#if defined(__x86_64__)
TEST_P(VerdictDenied, TheOtherAbiIsNamed) {
  const Job job = AsCaller().Run({GuestPath("guest_static"), "int80", "20"});
  EXPECT_EQ(job.Cause(), "denied") << job;
  EXPECT_NE(job.report["denials"]["kinds"][0]["call"].get<std::string>().find("another ABI"), std::string::npos) << job;
}
#endif

// --- clocks -----------------------------------------------------------------------------------

// T2.11 (codedang#1779), T15.85 (isolate#72): who sleeps uses no processor.
TEST_P(Verdict, AWallLimitIsNotAnError) {
  const Job job = AsCaller().Flag("--wall", "300ms").Run({"sleep", "3000"});
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_TRUE(job.Hit("wall"));
  EXPECT_GE(job.report["wall"].get<std::uint64_t>(), 300 * kMillisecond);
  const auto cpu = job.report["cpu"]["user"].get<std::uint64_t>() + job.report["cpu"]["system"].get<std::uint64_t>();
  EXPECT_LT(cpu, 250 * kMillisecond) << "sleeping is no work";
}

// T6.37 (DMOJ#246): it stops itself, and TERM does not reach who is stopped.
TEST_P(Verdict, AStoppedProgramIsEnded) {
  const Job job = testkit::WithAClock(
      [&](const char* clock) {
        return AsCaller().Flag("--wall", clock).Flag("--grace", "50ms").Run({"sh", "-c", "echo ready; kill -STOP $$"});
      },
      [](const Job& done) { return done.report["signal"] == SIGKILL; });
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_EQ(job.report["signal"], SIGKILL);
}

// A program that exits 0 when it is asked to end has not done its work.
TEST_P(Verdict, AWallLimitIsNeverSuccess) {
  const Job job = testkit::WithAClock(
      [&](const char* clock) {
        return AsCaller().Flag("--wall", clock).Flag("--grace", "60s").Run({"sh", "-c", "trap 'exit 0' TERM; echo ready; sleep 3000 & wait"});
      },
      [](const Job& done) { return !done.out.empty(); });
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_EQ(job.report["exit_code"], 0);
  EXPECT_EQ(job.exit_code(), 125);
}

// The launcher is stopped: pid 1 has a clock of its own.
TEST_P(Verdict, TheWallLimitHoldsWhileTheLauncherIsStopped) {
  for (const char* const clock : {"3s", "20s", "90s"}) {
    auto job = AsCaller().Flag("--wall", clock).Flag("--grace", "50ms").Start(
        {"sh", "-c", "trap '' TERM; sleep 3000 & sleep 3000 & echo ready; wait; wait; wait"});
    const bool ready = job.AwaitOutput("ready");
    std::vector<pid_t> inside = testkit::Descendants(job.pid());
    std::erase(inside, job.pid());
    const auto family = testkit::HoldProcesses(inside);
    if (!ready || family.size() < 3) continue;  // a busy machine: the clock was first
    ASSERT_TRUE(job.Signal(SIGSTOP));
    EXPECT_TRUE(testkit::AwaitEnd(family)) << "it outlived its limit";
    ASSERT_TRUE(job.Signal(SIGCONT));
    const Job done = job.Finish();
    EXPECT_EQ(done.Cause(), "wall") << done;
    return;
  }
  FAIL() << "no clock was long enough to see the job before its end";
}

// A reader of moat's own output that does not read is not waited for beyond the limit.
TEST_P(Verdict, ASlowReaderDoesNotHoldMoat) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd reader(ends[0]), writer(ends[1]);
  const Job job = AsCaller().Descriptor(1, writer.get()).Flag("--wall", "400ms").Flag("--grace", "0s").Run({"yes"});
  EXPECT_FALSE(job.timed_out);
  EXPECT_EQ(job.Cause(), "wall") << job;
  EXPECT_TRUE(job.report["stdout"]["truncated"].get<bool>());
}

// --- disk and output --------------------------------------------------------------------------

// T11.62 (cms#309) with a program that fills what there is.
TEST_P(Verdict, AFullScratchFolderIsDisk) {
  const Job job = AsCaller().Flag("--scratch", "/tmp=1M").Run({"sh", "-c", "head -c 2M /dev/zero > /tmp/f"});
  EXPECT_EQ(job.Cause(), "disk") << job;
  EXPECT_TRUE(job.Hit("scratch")) << job;
  EXPECT_NE(job.report["detail"].get<std::string>().find("/tmp 1M"), std::string::npos) << job;
}

// T11.64 (snekbox#187)
TEST_P(Verdict, ManyEmptyFilesAreDiskToo) {
  const Job job = Shell("i=0; while : > /tmp/$i; do i=$((i+1)); done 2>/dev/null; exit 1");
  EXPECT_EQ(job.Cause(), "disk") << job;
  EXPECT_NE(job.report["detail"].get<std::string>().find("inodes"), std::string::npos) << job;
}

// T11.67 (nsjail#266)
TEST_P(Verdict, TheSizeOfAFileIsNamed) {
  const std::string write = "head -c 2M /dev/zero > /tmp/f";
  const Job over = AsCaller().Flag("--file-size", "1K").Run({"sh", "-c", write});
  EXPECT_EQ(over.Cause(), "disk") << over;
  EXPECT_TRUE(over.Hit("file_size"));
  EXPECT_NE(over.report["detail"].get<std::string>().find("1K"), std::string::npos) << over;
  EXPECT_EQ(AsCaller().Flag("--file-size", "unlimited").Run({"sh", "-c", write}).Cause(), "exit");
  EXPECT_EQ(AsCaller().Flag("--file-size", "2M").Run({"sh", "-c", write}).Cause(), "exit");
}

TEST_P(Verdict, AFullOutputFolderIsOutputEvenWhenItIsNotNoticed) {
  for (const char* end : {"exit 0", "exit 3"}) {
    const Job job = AsCaller().Output(folder_ / "out").Flag("--output", "1M").Run(
        {"sh", "-c", std::string("head -c 4M /dev/zero > /out/f; ") + end});
    EXPECT_EQ(job.Cause(), "output") << job;
    EXPECT_TRUE(job.Hit("output")) << job;
    EXPECT_NE(job.exit_code(), 0) << job;
    ASSERT_FALSE(job.OutputNamed("f").is_null()) << job;
    EXPECT_EQ(job.OutputNamed("f")["size"], kMiB);
    EXPECT_TRUE(job.OutputNamed("f")["truncated"].get<bool>());
  }
  const Job exact = AsCaller().Output(folder_ / "out").Flag("--output", "1M").Run({"sh", "-c", "head -c 1M /dev/zero > /out/f"});
  EXPECT_EQ(exact.Cause(), "exit") << exact;
  EXPECT_EQ(exact.exit_code(), 0);
}

// T2.12 (piston#465): cut output is never success.
TEST_P(Verdict, CutOutputIsNeverSuccess) {
  const Job job = AsCaller().Flag("--stdout", "4K").Run({GuestPath("guest_static"), "spew", "4097", "0"});
  EXPECT_EQ(job.Cause(), "output") << job;
  EXPECT_EQ(job.out.size(), 4096U);
  EXPECT_NE(job.exit_code(), 0) << job;
}

// --- what stays unknown -----------------------------------------------------------------------

TEST_P(Verdict, UnknownFiguresHaveAReason) {
  const Job job = AsCaller().Run({"true"});
  const auto& unknown = job.report["unknown"];
  for (const char* key : {"pids_peak", "read", "written"}) {
    if (!job.report[key].is_null()) continue;
    bool told = false;
    for (const auto& row : unknown) told = told || (row["name"] == key && row["detail"].is_string());
    EXPECT_TRUE(told) << key << " is null, and nobody says why: " << job;
  }
}

// Read and write calls of the whole tree.
TEST_P(Verdict, TransfersOfChildrenCount) {
  const Job job = Shell("(head -c 3M /dev/zero > /tmp/a & wait); cat /tmp/a > /tmp/b");
  ASSERT_FALSE(job.report["read"].is_null()) << job.report["unknown"];
  EXPECT_GE(job.report["read"].get<std::uint64_t>(), 6 * kMiB) << job;
  EXPECT_GE(job.report["written"].get<std::uint64_t>(), 6 * kMiB) << job;
  EXPECT_LT(job.report["written"].get<std::uint64_t>(), 7 * kMiB) << job;
}

// A second of work in a grandchild whose parent is gone.
TEST_P(Verdict, CpuOfADoubleForkedBurnerCounts) {
  const Job job = AsCaller().Run({"python3", "-c",
      "import os, time\n"
      "r, w = os.pipe()\n"
      "if os.fork() == 0:\n"
      "  if os.fork() == 0:\n"
      "    while time.process_time() < 0.5: pass\n"
      "    os.write(w, b'x')\n"
      "  os._exit(0)\n"
      "os.wait()\n"
      "os.close(w)\n"
      "os.read(r, 1)\n"});
  EXPECT_EQ(job.Cause(), "exit") << job;
  const auto cpu = job.report["cpu"]["user"].get<std::uint64_t>() + job.report["cpu"]["system"].get<std::uint64_t>();
  EXPECT_GE(cpu, 480 * kMillisecond) << job;
}

// Also of a job that had to be killed.
TEST_P(Verdict, AKilledJobsAccountsAreKept) {
  const Job job = AsCaller().Flag("--wall", "1s").Flag("--grace", "0s").Run({"sh", "-c", "while :; do :; done & while :; do :; done"});
  EXPECT_EQ(job.Cause(), "wall") << job;
  // A pid 1 that gets no processor for long is killed as well, and the report says what that means.
  for (const auto& row : job.report["unknown"]) {
    if (row["name"] == "cpu" && row["detail"].get<std::string>().find("was killed") != std::string::npos) return;
  }
  // Of a busy host it got little; pid 1 alone needs a millisecond or two.
  EXPECT_GT(job.report["cpu"]["user"].get<std::uint64_t>() + job.report["cpu"]["system"].get<std::uint64_t>(), 10 * kMillisecond) << job;
}

// pid 1 cannot end anybody while it is stopped. Its own death does, and throws the accounts away.
TEST_P(Verdict, AccountsThatAreLostAreSaidToBe) {
  auto job = AsCaller().Flag("--wall", "2s").Flag("--grace", "0s").Start({"sh", "-c", "echo ready; sleep 3000"});
  ASSERT_TRUE(job.AwaitOutput("ready"));
  const std::vector<pid_t> family = testkit::Descendants(job.pid());  // the launcher, then pid 1
  ASSERT_GE(family.size(), 2U);
  ASSERT_EQ(kill(family[1], SIGSTOP), 0);
  const Job done = job.Finish();
  EXPECT_EQ(done.Cause(), "wall") << done;
  std::set<std::string> told;
  for (const auto& row : done.report["unknown"]) told.insert(row["name"].get<std::string>());
  // A group that counts has it all.
  EXPECT_EQ(told.count("cpu") == 0, done.report["pids_peak"].is_number()) << done;
  for (const char* key : {"context_switches", "read", "written"}) EXPECT_EQ(told.count(key), 1U) << key << "\n" << done;
  EXPECT_TRUE(done.report["read"].is_null()) << done;
}

MOAT_AS_BOTH_CALLERS(Verdict);
MOAT_AS_BOTH_CALLERS(VerdictDenied);

// --- by control groups ------------------------------------------------------------------------

// T2.9 (judge0#298)
TEST_F(VerdictByGroups, AMemoryHogIsMemory) {
  const Job job = Root().Flag("--memory", "64M").Run({"python3", "-c", "x=bytearray(300<<20)"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "memory") << job;
  EXPECT_TRUE(job.Hit("memory")) << job;
  EXPECT_EQ(job.report["signal"], SIGKILL);
  EXPECT_GT(Number(job, "memory_peak", "total"), 60 * kMiB);
  EXPECT_LE(Number(job, "memory_peak", "total"), 64 * kMiB);
}

// The parent does not mind, and exits 0.
TEST_F(VerdictByGroups, AChildsMemoryIsMemory) {
  const Job job = Root().Flag("--memory", "64M").Run({"sh", "-c", "python3 -c 'x=bytearray(300<<20)'; exit 0"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "memory") << job;
}

// T3.18 (sandlock#222): address space is not memory.
TEST_F(VerdictByGroups, ReservedMemoryIsFree) {
  const Job job = Root().Flag("--memory", "64M").Run({"python3", "-c", "import mmap; mmap.mmap(-1, 64<<30, flags=mmap.MAP_PRIVATE|0x4000, prot=0)"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_EQ(job.exit_code(), 0) << job;
}

// T11.63 (Conch#140): there is no room before there is no memory.
TEST_F(VerdictByGroups, FullScratchIsNotOutOfMemory) {
  const Job job = Root().Flag("--memory", "64M").Run({"sh", "-c", "head -c 200M /dev/zero > /tmp/f"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "disk") << job;
  EXPECT_EQ(job.exit_code(), 1) << job;
}

// T15.87 (cgmemtime#1), T5.29: what is read is cache, what lies in a scratch folder is shared.
TEST_F(VerdictByGroups, CacheIsNoReasonToKill) {
  const std::string big = folder_.File("big", "");
  std::filesystem::resize_file(big, 400 * kMiB);
  const Job job = Root().Flag("--memory", "128M").Input(big).Run({"sh", "-c", "cat /in/big > /dev/null; cat /in/big > /dev/null; head -c 20M /dev/zero > /tmp/f"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_LE(Number(job, "memory_peak", "total"), 128 * kMiB) << job;
  EXPECT_GE(Number(job, "memory_peak", "shared"), 20 * kMiB) << job;
  EXPECT_GT(Number(job, "memory_peak", "file"), 20 * kMiB) << job;
  EXPECT_LT(Number(job, "memory_peak", "shared"), 24 * kMiB) << job;
}

TEST_F(VerdictByGroups, AHogsMemoryIsAnonymous) {
  const Job job = Root().Flag("--memory", "256M").Run({"python3", "-c", "x=bytearray(100<<20)"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_GT(Number(job, "memory_peak", "anonymous"), 95 * kMiB) << job;
  EXPECT_LT(Number(job, "memory_peak", "file"), 40 * kMiB) << job;
}

// T8.46 (syzoj#209)
TEST_F(VerdictByGroups, TooManyProcessesArePids) {
  const Job job = Root().Flag("--pids", "4").Run({"sh", "-c", "for i in 1 2 3 4 5 6; do sleep 300 & done"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "pids") << job;
  EXPECT_TRUE(job.Hit("pids"));
  EXPECT_EQ(job.report["pids_peak"], 4) << job;
}

TEST_F(VerdictByGroups, AForkBombIsPids) {
  const Job job = Root().Flag("--pids", "32").Flag("--wall", "60m").Run({"python3", "-c",
      "import os, signal\n"
      "while True:\n"
      "  try:\n"
      "    if os.fork() == 0: signal.pause()\n"
      "  except OSError: os._exit(3)\n"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "pids") << job;
}

// T8.47 (llvm#225493)
TEST_F(VerdictByGroups, ProcessorsAreCountedHonestly) {
  const Job job = Root().Flag("--cpus", "1").Run({"nproc"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.out, "1\n") << job;
  const Job half = Root().Flag("--cpus", "0.5").Run({"nproc"});
  EXPECT_EQ(half.out, "1\n") << half;
}

// T15.89 (go-judge#170): half a processor, half a second of work, a second by the clock.
TEST_F(VerdictByGroups, CpuIsCountedAndNotTheClock) {
  const Job job = Root().Flag("--cpu", "500ms").Flag("--cpus", "0.5").Flag("--wall", "60m").Run({"sh", "-c", "while :; do :; done"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "cpu") << job;
  EXPECT_TRUE(job.Hit("cpu"));
  EXPECT_GE(job.report["wall"].get<std::uint64_t>(), 800 * kMillisecond) << job;
  EXPECT_GE(Number(job, "cpu", "user") + Number(job, "cpu", "system"), 500 * kMillisecond) << job;
}

// It ends by itself beyond its limit, while the launcher is stopped and sees nothing of it.
TEST_F(VerdictByGroups, CpuThatNobodySawIsCpu) {
  auto job = Root().Flag("--cpu", "1s").Flag("--wall", "60m").Start({"sh", "-c",
      "trap 'exec python3 -c \"import time\nwhile time.process_time() < 1.1: pass\"' USR1; echo ready; sleep 3000 & wait"});
  if (!job.AwaitOutput("ready")) {
    const Job done = job.Finish();
    SKIP_WITHOUT_CONTROLLER(done);
    FAIL() << done;
  }
  const std::vector<pid_t> family = testkit::Descendants(job.pid());  // the launcher, pid 1, the program, others
  ASSERT_GE(family.size(), 3U);
  const auto inside = testkit::HoldProcesses({family[1], family[2]});
  ASSERT_TRUE(job.Signal(SIGSTOP));
  ASSERT_EQ(kill(family[2], SIGUSR1), 0);
  EXPECT_TRUE(testkit::AwaitEnd(inside));
  ASSERT_TRUE(job.Signal(SIGCONT));
  const Job done = job.Finish();
  EXPECT_EQ(done.Cause(), "cpu") << done;
  EXPECT_EQ(done.report["exit_code"], 0) << done;
  EXPECT_EQ(done.exit_code(), 125) << done;
}

// No process of it reaches the limit, all together do; and none has a parent that reaps.
TEST_F(VerdictByGroups, CpuOfTheWholeTreeIsLimited) {
  const Job job = Root().Flag("--cpu", "500ms").Flag("--wall", "60m").Run({"python3", "-c",
      "import os, signal, time\n"
      "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
      "while True:\n"
      "  if os.fork() == 0:\n"
      "    while time.process_time() < 0.05: pass\n"
      "    os._exit(0)\n"
      "  try: os.wait()\n"
      "  except ChildProcessError: pass\n"});
  SKIP_WITHOUT_CONTROLLER(job);
  EXPECT_EQ(job.Cause(), "cpu") << job;
  EXPECT_GE(Number(job, "cpu", "user") + Number(job, "cpu", "system"), 500 * kMillisecond) << job;
}

}  // namespace
}  // namespace moat
