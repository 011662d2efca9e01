#include "web/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "web/testing.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

using testing::MustOpen;
using testing::MustStage;
using testing::PrivateFolder;
using testing::Text;

class StoreTest : public ::testing::Test {
 protected:
  PrivateFolder folder_;
};

StoredJob JobFor(const std::string& profile) {
  StoredJob job;
  job.profile = profile;
  job.caller = "web";
  job.argv = {"convert", "{in}", "a \"b\""};
  job.webhook = "ci";
  return job;
}

TEST_F(StoreTest, AJobGoesItsWay) {
  auto store = MustOpen(folder_.path());
  auto accepted = store->Accept(MustStage(*store, "photo.png", "bytes"), JobFor("thumb"));
  ASSERT_TRUE(accepted.ok()) << accepted.error().ToString();
  const std::string id = accepted->id;
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(store->bytes(), 5u);
  EXPECT_EQ(Text(*store->OpenInput(id, "photo.png")), "bytes");
  auto out = store->PrepareAttempt(id);
  ASSERT_TRUE(store->BeginAttempt(id).ok());
  ASSERT_TRUE(out.ok()) << out.error().ToString();
  ASSERT_TRUE(WriteNew(out->get(), "t.png", "small").ok());
  Report report;
  report.cause = Cause::kExit;
  report.exit_code = 0;
  const Status committed = store->Commit(id, report, "said", "complained");
  ASSERT_TRUE(committed.ok()) << committed.error().ToString();
  auto found = store->Find(id);
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->state, JobState::kDone);
  EXPECT_EQ((*found)->argv, JobFor("").argv);
  EXPECT_EQ((*found)->inputs, std::vector<std::string>{"photo.png"});
  EXPECT_EQ(Report::FromJson((*found)->report)->cause, Cause::kExit);
  EXPECT_EQ(Text(*store->OpenResult(id, "out/t.png")), "small");
  EXPECT_EQ(Text(*store->OpenResult(id, "stdout")), "said");
  EXPECT_EQ(store->NoticesDue()->size(), 1u);
  ASSERT_TRUE(store->NoticeSent(id).ok());
  EXPECT_EQ(store->NoticesDue()->size(), 0u);
  ASSERT_TRUE(store->ForgetOlderThan(0).ok());
  EXPECT_FALSE(store->Find(id)->has_value());
  EXPECT_EQ(store->bytes(), 0u);
  EXPECT_EQ(store->jobs(), 0u);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/jobs/" + id));
}

Report ReportOf(std::size_t files, std::size_t name) {
  Report report;
  report.cause = Cause::kExit;
  report.exit_code = 0;
  for (std::size_t i = 0; i < files; ++i) {
    OutputFile output;
    output.name = std::to_string(i) + std::string(name, 'x');
    output.type = "file";
    report.outputs.push_back(output);
  }
  return report;
}

std::string Begun(Store& store) {
  const std::string id = store.Accept(MustStage(store, "a", "x"), JobFor("p"))->id;
  EXPECT_TRUE(store.PrepareAttempt(id).ok());
  EXPECT_TRUE(store.BeginAttempt(id).ok());
  return id;
}

// A guest with long names for its results: what of them does not fit into a report is told to be lost.
TEST_F(StoreTest, AReportIsNeverTooLongToBeRead) {
  auto store = MustOpen(folder_.path());
  const std::string id = Begun(*store);
  const Status committed = store->Commit(id, ReportOf(6000, 4000), "", "");
  ASSERT_TRUE(committed.ok()) << committed.error().ToString();
  auto report = Report::FromJson((*store->Find(id))->report);
  ASSERT_TRUE(report.ok());
  EXPECT_GT(report->outputs.size(), 0u);
  EXPECT_LT(report->outputs.size(), 6000u);
  EXPECT_NE(report->results_lost, "");
  EXPECT_NE(report->ExitStatus(), 0);
  // Who looks at many jobs is not given all reports at once.
  for (const StoredJob& brief : {**store->FindBrief(id), store->Latest("", 10)->at(0)}) EXPECT_EQ(brief.report, "{\"cause\":\"exit\"}");
}

TEST_F(StoreTest, AReportThatCannotBeReadKeepsNoDaemonFromStarting) {
  for (const bool gone : {false, true}) {
    auto store = MustOpen(folder_.path());
    const std::string id = Begun(*store);
    const std::string job = folder_.path() + "/jobs/" + id;
    std::filesystem::rename(job + "/work", job + "/result");
    const std::string path = job + "/result/report.json";
    if (!gone) std::filesystem::resize_file((close(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), path), 32U << 20);
    store.reset();
    store = MustOpen(folder_.path());
    EXPECT_EQ((*store->Find(id))->ending, "failed");
    ASSERT_TRUE(store->Forget(id).ok());
  }
}

// The result was moved, and the disk was full when the row was to be written: the next try goes on from there.
TEST_F(StoreTest, ACommitThatCameHalfwayIsFinished) {
  auto store = MustOpen(folder_.path());
  const std::string id = Begun(*store);
  const std::string job = folder_.path() + "/jobs/" + id;
  const sys::DirFd work = std::move(*OpenFolder(sys::open(job, O_RDONLY | O_DIRECTORY)->get(), "work"));
  ASSERT_TRUE(WriteNew(work.get(), "stdout", "said").ok());
  ASSERT_TRUE(WriteNew(work.get(), "report.json", ReportOf(1, 1).ToJson()).ok());
  std::filesystem::rename(job + "/work", job + "/result");
  const Status again = store->Commit(id, ReportOf(1, 1), "said", "");
  EXPECT_TRUE(again.ok()) << again.error().ToString();
  EXPECT_EQ(Text(*store->OpenResult(id, "stdout")), "said");
}

// The day's clock is set a day ahead and back; results stay for the hour that was said, by the machine's clock.
TEST_F(StoreTest, AClockThatIsSetForgetsNothing) {
  constexpr std::uint64_t kSecond = 1'000'000'000, kHour = 3600 * kSecond, kDay = 24 * kHour;
  std::uint64_t day = 1'700'000'000 * kSecond, machine = 100 * kSecond;
  StoreOptions options;
  options.folder = folder_.path();
  options.day_ns = [&] { return day; };
  options.machine_ns = [&] { return machine; };
  auto store = std::move(*Store::Open(options));
  const auto finished = [&] {
    const std::string id = store->Accept(MustStage(*store, "a", "x"), StoredJob())->id;
    EXPECT_TRUE(store->CommitUnstarted(id, "expired", "").ok());
    return id;
  };
  const auto is_there = [&](const std::string& id) {
    EXPECT_TRUE(store->ForgetOlderThan(kHour).ok());
    return store->Find(id)->has_value();
  };
  const std::string first = finished();
  for (const std::uint64_t jump : {kDay, 0 - 2 * kDay}) {
    day += jump;
    EXPECT_TRUE(is_there(first));
  }
  const std::string second = finished();  // yesterday, as it seems
  machine += kHour - 1;
  EXPECT_TRUE(is_there(first));
  machine += 2;
  EXPECT_FALSE(is_there(first));
  EXPECT_FALSE(is_there(second));
  // Over a restart the day's clock is all there is; one that went back makes nothing older than new.
  const std::string third = finished();
  for (const std::uint64_t jump : {0 - kDay, kDay + kHour / 2}) {
    day += jump;
    store.reset();
    store = std::move(*Store::Open(options));
    EXPECT_TRUE(is_there(third));
  }
  machine += kHour / 2 + 1;
  EXPECT_FALSE(is_there(third));
}

TEST_F(StoreTest, ANoticeThatIsDueKeepsItsJob) {
  auto store = MustOpen(folder_.path());
  const std::string id = store->Accept(MustStage(*store, "a", "x"), JobFor("p"))->id;
  ASSERT_TRUE(store->CommitUnstarted(id, "expired", "").ok());
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(store->ForgetOlderThan(0).ok());
    ASSERT_TRUE(store->Find(id)->has_value());
    store.reset();
    store = MustOpen(folder_.path());
  }
  ASSERT_TRUE(store->NoticeSent(id).ok());
  ASSERT_TRUE(store->ForgetOlderThan(0).ok());
  EXPECT_FALSE(store->Find(id)->has_value());
}

// A disk that takes long to say that a commit is there: who only wants to know does not wait for it.
TEST_F(StoreTest, ReadersDoNotWaitForAWriter) {
  std::promise<void> is_at_it, may_go_on;
  auto store = MustOpen(folder_.path(), [&](std::string_view step) {
    if (step != "attempt begun") return;
    is_at_it.set_value();  // with the database in its hands
    may_go_on.get_future().wait();
  });
  const std::string id = store->Accept(MustStage(*store, "a", "x"), JobFor("p"))->id;
  std::thread writer([&] { EXPECT_TRUE(store->BeginAttempt(id).ok()); });
  is_at_it.get_future().wait();
  EXPECT_EQ((*store->Find(id))->state, JobState::kRunning);
  EXPECT_EQ(store->Latest("", 10)->size(), 1u);
  EXPECT_EQ(store->jobs(), 1u);
  may_go_on.set_value();
  writer.join();
}

TEST_F(StoreTest, AJobWhoseFilesAreGoneKeepsNobodyFromStarting) {
  auto store = MustOpen(folder_.path());
  const std::string id = store->Accept(MustStage(*store, "a", "x"), JobFor("p"))->id;
  ASSERT_TRUE(store->BeginAttempt(id).ok());
  store.reset();
  std::filesystem::remove_all(folder_.path() + "/jobs/" + id);
  store = MustOpen(folder_.path());
  EXPECT_EQ((*store->Find(id))->state, JobState::kDone);
  EXPECT_EQ((*store->Find(id))->ending, "failed");
}

TEST_F(StoreTest, WhatIsNotAcceptedGoes) {
  auto store = MustOpen(folder_.path());
  {
    const Staged staged = MustStage(*store, "a", "12345678");
    EXPECT_EQ(store->bytes(), 8u);
  }
  while (store->bytes() != 0) std::this_thread::yield();  // soon, by another thread
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/incoming"));
}

// What passes through has no name anywhere, and its input cannot be written by who reads it.
void PassThrough(Store& store) {
  auto staged = store.Stage(Staged::Kind::kPassing);
  ASSERT_TRUE(staged.ok());
  ASSERT_TRUE(staged->AddInput("a").ok());
  ASSERT_TRUE(staged->Write("one").ok());
  ASSERT_TRUE(staged->AddInput("b").ok());
  ASSERT_TRUE(staged->Write("two").ok());
  EXPECT_FALSE(staged->AddInput("a").ok());
  EXPECT_FALSE(staged->OpenOutput().ok());
  const auto output = staged->MakeOutput();
  ASSERT_TRUE(output.ok());
  const auto input = staged->OpenInput("a");
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(Text(*input), "one");
  EXPECT_EQ(Text(*staged->OpenInput("b")), "two");
  EXPECT_LT(write(input->get(), "x", 1), 0);
  EXPECT_EQ(Text(*staged->OpenOutput()), "");
  ASSERT_EQ(write(output->get(), "result", 6), 6);
  EXPECT_EQ(Text(*staged->OpenOutput()), "result");
  EXPECT_EQ(store.bytes(), 6u);
}

TEST_F(StoreTest, WhatPassesLeavesNothing) {
  auto store = MustOpen(folder_.path());
  for (int round = 0; round < 40; ++round) {  // more than are made ahead
    PassThrough(*store);
    while (store->bytes() != 0) std::this_thread::yield();  // soon, by another thread
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/incoming"));
  }
  auto staged = store->Stage(Staged::Kind::kPassing);
  EXPECT_FALSE(store->Accept(*std::move(staged), StoredJob()).ok());
}

TEST_F(StoreTest, TheSpoolHasASize) {
  StoreOptions options;
  options.folder = folder_.path();
  options.size = 10;
  auto store = Store::Open(options);
  ASSERT_TRUE(store.ok());
  Staged staged = MustStage(**store, "a", "1234567890");
  const Status full = staged.Write("1");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().error_number, ENOSPC);
}

TEST_F(StoreTest, OneDaemonAtATime) {
  auto store = MustOpen(folder_.path());
  StoreOptions options;
  options.folder = folder_.path();
  auto second = Store::Open(options);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().ToString().find("another daemon"), std::string::npos);
}

TEST_F(StoreTest, RefusesAFolderThatOthersRead) {
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  StoreOptions options;
  options.folder = folder_.path();
  EXPECT_FALSE(Store::Open(options).ok());
}

// A guest's output that is a link, or a folder that became one, leads nowhere.
TEST_F(StoreTest, LinksAreNotFollowed) {
  auto store = MustOpen(folder_.path());
  const std::string id = store->Accept(MustStage(*store, "a", "x"), JobFor("p"))->id;
  auto out = store->PrepareAttempt(id);
  ASSERT_TRUE(store->BeginAttempt(id).ok());
  ASSERT_TRUE(out.ok());
  ASSERT_EQ(symlinkat("/etc/passwd", out->get(), "link"), 0);
  ASSERT_EQ(symlinkat("/etc", out->get(), "folder"), 0);
  EXPECT_FALSE(store->Commit(id, Report(), "", "").ok()) << "a link cannot be put on the disk as a result";
  EXPECT_FALSE(store->OpenResult(id, "out/link").ok());
  const std::string outside = folder_.path() + "-outside";
  ASSERT_EQ(mkdir(outside.c_str(), 0700), 0);
  ASSERT_EQ(symlinkat(outside.c_str(), out->get(), "dir"), 0);
  std::filesystem::create_directory(outside + "/kept");
  ASSERT_TRUE(store->Forget(id).ok());
  EXPECT_TRUE(std::filesystem::exists(outside + "/kept"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/jobs/" + id));
  std::filesystem::remove_all(outside);
}

TEST_F(StoreTest, NoPathLeadsOut) {
  auto store = MustOpen(folder_.path());
  const std::string id = store->Accept(MustStage(*store, "a", "x"), JobFor("p"))->id;
  ASSERT_TRUE(store->BeginAttempt(id).ok());
  ASSERT_TRUE(store->Commit(id, Report(), "", "").ok());
  for (const char* path : {"../in/a", "/etc/passwd", "out/../../in/a", "", ".."}) {
    EXPECT_FALSE(store->OpenResult(id, path).ok()) << path;
  }
  EXPECT_FALSE(store->OpenResult("../" + id, "stdout").ok());
}

TEST(SafeName, MeansNothingToAnybody) {
  EXPECT_EQ(SafeName("photo.png"), "photo.png");
  EXPECT_EQ(SafeName("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(SafeName("-rf"), "_rf");
  EXPECT_EQ(SafeName(".."), "_.");
  EXPECT_EQ(SafeName("a b\n\xff"), "a_b__");
  EXPECT_EQ(SafeName(""), "input");
  EXPECT_EQ(SafeName(std::string(5000, 'a')).size(), 100u);
}

}  // namespace
}  // namespace moat::web
