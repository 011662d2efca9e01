// Real jobs behind the interface of the doors.
#include "web/local_backend.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <list>

#include "web/testing.h"

namespace moat::web {
namespace {

using testing::MustOpen;
using testing::MustStage;
using testing::PrivateFolder;

constexpr const char* kConfig = R"(moat = 1
[server]
jobs = 1
[profile.upper]
command = ["/bin/sh", "-c", "tr a-z A-Z < {in} > {out}/upper; echo done"]
queue = 2
[profile.nap]
command = ["/bin/sh", "-c", "sleep 1000"]
queue = 2
)";

class LocalBackendTest : public ::testing::Test {
 protected:
  LocalBackendTest() : store_(MustOpen(folder_.path())) {
    auto backend = MakeLocalBackend(*ParseConfig(kConfig, "t"), {});
    if (backend.ok()) {
      backend_ = *std::move(backend);
    } else {
      ADD_FAILURE() << backend.error().ToString();
    }
  }

  std::future<JobEnd> Start(const std::string& id, const std::string& profile, std::uint64_t start_by = 0) {
    auto promise = std::make_shared<std::promise<JobEnd>>();
    auto future = promise->get_future();
    Job job;
    job.id = id;
    job.profile = profile;
    job.argv = ParseConfig(kConfig, "t")->FindProfile(profile)->command;
    job.start_by_ns = start_by;
    Staged& staged = staged_.emplace_back(MustStage(*store_, "a.txt", "some text"));
    job.inputs.push_back({"a.txt", *staged.OpenInput("a.txt")});
    job.outputs = *staged.MakeOutputs();
    outputs_ = *OpenFolder(job.outputs.get(), ".");
    admission_ = backend_->Submit(std::move(job), [promise](JobEnd end) { promise->set_value(std::move(end)); });
    return future;
  }

  PrivateFolder folder_;
  std::unique_ptr<Store> store_;
  std::list<Staged> staged_;
  sys::DirFd outputs_;
  Admission admission_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(LocalBackendTest, RunsAJob) {
  const JobEnd end = Start("1", "upper").get();
  ASSERT_EQ(end.kind, JobEnd::Kind::kRan) << end.error.ToString();
  EXPECT_EQ(end.report.exit_code, 0) << end.report.Summary() << end.err;
  EXPECT_EQ(end.out, "done\n");
  EXPECT_EQ(testing::Text(*OpenBelow(outputs_.get(), "upper")), "SOME TEXT");
}

TEST_F(LocalBackendTest, RefusesWhatHasNoPlace) {
  auto running = Start("1", "nap");
  while (backend_->Load()[1].running != 1) std::this_thread::yield();
  auto second = Start("2", "nap");
  auto third = Start("3", "nap");
  EXPECT_EQ(admission_.kind, Admission::Kind::kTaken);
  Start("4", "nap");
  EXPECT_EQ(admission_.kind, Admission::Kind::kBusy);
  EXPECT_GT(admission_.retry_after.count(), 0);
  backend_->Cancel("2");
  backend_->Cancel("1");
  const JobEnd first = running.get();
  EXPECT_EQ(first.report.cause, Cause::kCancelled) << first.report.ToJson();
  EXPECT_EQ(second.get().kind, JobEnd::Kind::kDropped);
  backend_.reset();
  const JobEnd last = third.get();  // waiting still, or running already
  EXPECT_TRUE(last.kind == JobEnd::Kind::kDropped || last.report.cause == Cause::kCancelled);
}

TEST_F(LocalBackendTest, WhatWaitedTooLongIsNotStarted) {
  EXPECT_EQ(Start("1", "upper", 1).get().kind, JobEnd::Kind::kExpired);
}

TEST_F(LocalBackendTest, KnowsItsProfiles) {
  Job job;
  job.profile = "other";
  EXPECT_EQ(backend_->Submit(std::move(job), [](JobEnd) {}).kind, Admission::Kind::kUnknownProfile);
}

// All jobs of a daemon are enforced: a policy that says otherwise is no policy for it.
TEST(LocalBackend, APolicyThatDividesJobsIsRefused) {
  const PrivateFolder folder;
  const std::string policy = folder.path() + "/part.toml";
  std::ofstream(policy) << "moat = 1\nbase = \"default\"\n[mode]\nenforce = \"5%\"\n";
  auto parsed = ParseConfig("moat = 1\n[profile.part]\npolicy = \"" + policy + "\"\ncommand = [\"/bin/true\"]\n", "t");
  ASSERT_TRUE(parsed.ok()) << parsed.error().ToString();
  auto backend = MakeLocalBackend(*parsed, {});
  ASSERT_FALSE(backend.ok());
  EXPECT_NE(backend.error().ToString().find("`enforce`"), std::string::npos) << backend.error().ToString();
}

}  // namespace
}  // namespace moat::web
