// What comes back: exit codes, causes, and where the report goes.
#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "testkit/caller_test.h"

namespace moat {
namespace {

using testkit::GuestPath;

class Exit : public testkit::CallerTest {};

TEST_P(Exit, TheProgramsCodeIsMoats) {
  for (const int code : {0, 1, 42, 126, 255}) {
    const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "exit", std::to_string(code)});
    EXPECT_EQ(job.exit_code(), code) << job;
    EXPECT_EQ(job.Cause(), "exit") << job;
    EXPECT_EQ(job.report["exit_code"], code);
    EXPECT_TRUE(job.report["setup"].is_null());
  }
}

TEST_P(Exit, AProgramThatExits125IsNotAFailureOfMoat) {
  const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "exit", "125"});
  EXPECT_EQ(job.exit_code(), 125);
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_EQ(job.report["exit_code"], 125);
  EXPECT_EQ(job.err, "") << "moat has nothing to say about it";
}

TEST_P(Exit, ASignalIs128AndItsNumber) {
  for (const int number : {SIGSEGV, SIGTERM, SIGKILL, SIGABRT, SIGUSR1}) {
    const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "die", std::to_string(number)});
    EXPECT_EQ(job.exit_code(), 128 + number) << job;
    EXPECT_EQ(job.Cause(), "signal") << job;
    EXPECT_EQ(job.report["signal"], number);
    EXPECT_TRUE(job.report["exit_code"].is_null());
    EXPECT_FALSE(job.report["core"].get<bool>());
  }
}

// T2.14 (nsjail#43): the two must be told apart by code and by cause.
TEST_P(Exit, AMissingProgramIsNoFailingProgram) {
  const testkit::Job missing = AsCaller().Run({"/nope"});
  EXPECT_EQ(missing.exit_code(), 125);
  EXPECT_EQ(missing.Cause(), "setup") << missing;
  EXPECT_NE(missing.err.find("/nope"), std::string::npos) << missing;
  ASSERT_TRUE(missing.report["setup"].is_object());
  EXPECT_EQ(missing.report["setup"]["error"], "ENOENT");
  EXPECT_TRUE(missing.report["exit_code"].is_null());
  const testkit::Job failing = AsCaller().Run({"false"});
  EXPECT_EQ(failing.exit_code(), 1);
  EXPECT_EQ(failing.Cause(), "exit") << failing;
}

TEST_P(Exit, WhatIsNoProgramIsSaidToBeNone) {
  const std::string text = folder_.File("text", "hello\n", 0644);
  const testkit::Job job = AsCaller().Run({text});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_NE(job.err.find("not executable"), std::string::npos) << job;
  const std::string garbage = folder_.File("garbage", "\x01\x02 not a program\n", 0755);
  const testkit::Job other = AsCaller().Run({garbage});
  EXPECT_EQ(other.exit_code(), 125) << other;
  EXPECT_EQ(other.Cause(), "setup") << other;
  EXPECT_EQ(other.report["setup"]["error"], "ENOEXEC") << other;
}

TEST_P(Exit, AMistakeOnTheCommandLineIsOneLine) {
  const testkit::Job job = AsCaller().Flag("--memroy", "64M").Run({"true"});
  EXPECT_EQ(job.exit_code(), 125);
  EXPECT_NE(job.err.find("--memory"), std::string::npos) << "did you mean: " << job;
  EXPECT_EQ(std::count(job.err.begin(), job.err.end(), '\n'), 1) << job;
  EXPECT_EQ(AsCaller().Run({}).exit_code(), 125);
}

TEST_P(Exit, TheReportFileIsReplacedWhole) {
  const std::string report = folder_.File("report.json", "what was here before", 0666);
  const testkit::Job job = AsCaller().WithoutReport().Flag("--report", report).Run({"echo", "out"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.out, "out\n") << "never mixed with the program's output";
  const auto read = nlohmann::json::parse(testkit::ReadFile(report), nullptr, false);
  ASSERT_FALSE(read.is_discarded());
  EXPECT_EQ(read["cause"], "exit");
  EXPECT_EQ(read["report"], 1);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1) << "a temporary file is left";
}

TEST_P(Exit, AReportIsWrittenForSetupToo) {
  const std::string report = folder_ / "report.json";
  const testkit::Job job = AsCaller().WithoutReport().Flag("--report", report).Run({"/nope"});
  EXPECT_EQ(job.exit_code(), 125);
  const auto read = nlohmann::json::parse(testkit::ReadFile(report), nullptr, false);
  ASSERT_FALSE(read.is_discarded()) << job;
  EXPECT_EQ(read["cause"], "setup");
}

TEST_P(Exit, AReportThatCannotBeWrittenIsToldBeforeTheJobRuns) {
  const testkit::Job job = AsCaller().WithoutReport().Flag("--report", folder_ / "no/such/folder/r").Run({"echo", "ran"});
  EXPECT_EQ(job.exit_code(), 125) << job;
  EXPECT_EQ(job.out, "") << "the job has run";
  const testkit::Job closed = AsCaller().WithoutReport().Flag("--report", "fd:77").Run({"echo", "ran"});
  EXPECT_EQ(closed.exit_code(), 125) << closed;
  EXPECT_EQ(closed.out, "");
}

// Neither a name that is too long nor a FIFO that nobody reads may cost the work of a job.
TEST_P(Exit, AReportThatCannotBeHadIsToldBeforeTheJobRuns) {
  const std::string fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  ASSERT_EQ(::chmod(fifo.c_str(), 0666), 0);
  const std::vector<std::string> bad = {folder_ / std::string(256, 'r'), fifo, "/tmp/"};
  for (const std::string& report : bad) {
    const testkit::Job job = AsCaller().WithoutReport().Flag("--report", report).Run({"echo", "ran"});
    EXPECT_EQ(job.exit_code(), 125) << job;
    EXPECT_EQ(job.out, "") << "the job has run";
  }
  const std::string longest = folder_ / std::string(255, 'r');
  EXPECT_EQ(AsCaller().WithoutReport().Flag("--report", longest).Run({"true"}).exit_code(), 0);
  EXPECT_TRUE(std::filesystem::exists(longest));
}

// The link of that name stays a link, also when a plain file is behind it.
TEST_P(Exit, AReportToStandardErrorIsWrittenThere) {
  const std::string log = folder_.File("log", "before\n", 0666);
  const sys::Fd file(::open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const testkit::Job job = AsCaller().WithoutReport().Descriptor(2, file.get()).Flag("--report", "/dev/stderr").Run({"true"});
  EXPECT_EQ(job.exit_code(), 0) << job;
  EXPECT_TRUE(std::filesystem::is_symlink("/dev/stderr"));
  const std::string text = testkit::ReadFile(log);
  EXPECT_EQ(text.rfind("before\n{", 0), 0U) << text;
}

TEST_P(Exit, TheReportsDescriptorIsNotTheJobs) {
  const testkit::Job job = AsCaller().Run({GuestPath("guest_static"), "descriptors"});
  EXPECT_EQ(job.out, "0 1 2 \n") << job;
}

MOAT_AS_BOTH_CALLERS(Exit);

}  // namespace
}  // namespace moat
