// Limits whose evidence is gone when the job has ended: pid 1 notes it in time. A number behind T is
// the entry's in tests/log_entries.txt.
#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::Job;

class Limits : public testkit::CallerTest {
 protected:
  Job Shell(const std::string& script) { return AsCaller().Run({"sh", "-c", script}); }
  Job Python(const std::string& script) { return AsCaller().Run({"python3", "-c", script}); }
};

// T11.62 (cms#309): it fails at once and takes nothing, and the folder is as empty as before.
TEST_P(Limits, AFileThatHasNoRoomAtOnceIsDisk) {
  const Job job = Shell("cd /tmp; fallocate -l 10G f");
  EXPECT_EQ(job.Cause(), "disk") << job;
  EXPECT_TRUE(job.Hit("scratch")) << job;
  EXPECT_NE(job.report["detail"].get<std::string>().find("10G in /tmp"), std::string::npos) << job;
  EXPECT_EQ(job.exit_code(), 1);
}

TEST_P(Limits, NoRoomThatTheProgramGetsOverIsItsOwnBusiness) {
  const Job job = Shell("cd /tmp; fallocate -l 10G f 2>/dev/null; head -c 1M /dev/zero > f");
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_TRUE(job.report["limits_hit"].empty()) << job;
}

// A file that has its room already; other failures are not the folder's.
TEST_P(Limits, RoomThatThereIsIsNoEvidence) {
  const Job twice = AsCaller().Flag("--scratch", "/tmp=16M").Run({"sh", "-c", "cd /tmp; fallocate -l 12M f && fallocate -l 14M f && exit 3"});
  EXPECT_EQ(twice.Cause(), "exit") << twice;
  EXPECT_EQ(twice.exit_code(), 3) << twice;
  // In no file system of the job: its memory is the limit there.
  const Job memory = AsCaller().Flag("--scratch", "/tmp=16M").Run({"python3", "-c",
      "import os; os.posix_fallocate(os.memfd_create('x'), 0, 64<<20); os._exit(3)"});
  EXPECT_EQ(memory.Cause(), "exit") << memory;
  EXPECT_EQ(memory.exit_code(), 3) << memory;
}

TEST_P(Limits, TheOutputFolderIsOutput) {
  const Job job = AsCaller().Output(folder_ / "out").Run({"sh", "-c", "fallocate -l 10G /out/f"});
  EXPECT_EQ(job.Cause(), "output") << job;
  EXPECT_TRUE(job.Hit("output")) << job;
}

// pid 1 stays in time although it is asked very often, by several at once.
TEST_P(Limits, ManyAllocationsAreAnswered) {
  const Job job = Python(
      "import os, threading\n"
      "def work(n):\n"
      "  f = open('/tmp/%d' % n, 'w')\n"
      "  for i in range(200): os.posix_fallocate(f.fileno(), i << 16, 1 << 16)\n"
      "threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]\n"
      "[t.start() for t in threads]; [t.join() for t in threads]\n"
      "print(sum(os.stat('/tmp/%d' % n).st_size for n in range(4)))\n");
  EXPECT_EQ(job.out, std::to_string(4 * 200 * 65536) + "\n") << job;
  EXPECT_EQ(job.Cause(), "exit") << job;
}

// A policy that decides about the call itself is obeyed.
TEST_P(Limits, ADeniedAllocationIsDenied) {
  const std::string policy = folder_.File("no.toml",
      "moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"fallocate\"\ndo = \"kill\"\nreason = \"a test\"\n");
  const Job job = AsCaller().Profile(policy).Run({"python3", "-c", "import os; os.posix_fallocate(os.open('/tmp/f', 66), 0, 1<<20)"});
  EXPECT_EQ(job.Cause(), "denied") << job;
}

constexpr const char* kForkOn =
    "import os, sys\n"
    "while True:\n"
    "  try:\n"
    "    if os.fork() == 0: os.execlp('sleep', 'sleep', '3000')\n"
    "  except OSError: os._exit(int(sys.argv[1]))\n";

// A refusal is proven by the counter of a group. Without one there is a hint and no more.
void ExpectPidsReached(const Job& job, const std::string& cause_with_group, const std::string& cause_without) {
  const bool counted = job.report["pids_peak"].is_number();
  EXPECT_EQ(job.Cause(), counted ? cause_with_group : cause_without) << job;
  EXPECT_EQ(job.Hit("pids"), counted) << job;
  EXPECT_NE((job.report["hints"].dump() + job.report["detail"].dump()).find("256"), std::string::npos) << job;
}

// T6.36 (sunwalker-box#10): nobody asked for a limit, and there may be no group that counts.
TEST_P(Limits, TheDefaultLimitOfProcessesIsSeen) {
  ExpectPidsReached(AsCaller().Run({"python3", "-c", kForkOn, "3"}), "pids", "exit");
}

// To have as many as one may is no fault: nobody was refused one.
TEST_P(Limits, AsManyAsThereMayBeIsNoRefusal) {
  const Job job = AsCaller().Flag("--pids", "3").Run({"sh", "-c", "sleep 3000 & sleep 3000 & exit 3"});
  if (job.Cause() == "setup") GTEST_SKIP() << "no such controller: " << job.report["detail"];
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_EQ(job.exit_code(), 3) << job;
  EXPECT_TRUE(job.report["limits_hit"].empty()) << job;
}

// Also of a job that is ended at another limit, which stays the cause.
TEST_P(Limits, TheDefaultLimitOfProcessesIsNotedBesideTheCause) {
  const Job job = AsCaller().Flag("--wall", "3s").Flag("--grace", "0s").Run({"python3", "-c",
      "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"});
  ExpectPidsReached(job, "wall", "wall");
}

// To have as many as one may is no fault.
TEST_P(Limits, WhoAsksForNoOtherProcessIsNotRefusedOne) {
  for (const char* end : {"exit 3", "kill -SEGV $$"}) {
    const Job job = AsCaller().Flag("--pids", "1").Run({"sh", "-c", end});
    if (job.Cause() == "setup") GTEST_SKIP() << "no such controller: " << job.report["detail"];
    EXPECT_TRUE(job.Cause() == "exit" || job.Cause() == "signal") << job;
    EXPECT_TRUE(job.report["limits_hit"].empty()) << job;
  }
}

TEST_P(Limits, AFailureAmongFewProcessesIsNotPids) {
  const Job job = Shell("sleep 3000 & sleep 3000 & exit 3");
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_TRUE(job.report["limits_hit"].empty()) << job;
}

MOAT_AS_BOTH_CALLERS(Limits);

}  // namespace
}  // namespace moat
