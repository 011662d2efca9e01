#include "web/lanes.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

namespace moat::web {
namespace {

Config OneProfile() {
  Config config;
  config.profiles.emplace_back();
  config.profiles.back().name = "p";
  config.profiles.back().queue = 2;
  return config;
}

// A job that ends when it is told to.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    begun_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void AwaitBegin() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return begun_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, begun_ = false;
};

class Stub final : public Runner {
 public:
  enum class Watches : unsigned char { kNo, kYes };
  Stub(Gate& gate, Watches watches) : gate_(gate), watches_(watches) {}
  JobEnd Run(Job& job, const CancelToken&) override {
    if (job.id == "held") gate_.Wait();
    JobEnd end;
    end.kind = JobEnd::Kind::kRan;
    end.out = std::this_thread::get_id() == caller_ ? "here" : "there";
    return end;
  }
  bool watches_client() const override { return watches_ == Watches::kYes; }

 private:
  Gate& gate_;
  const Watches watches_;
  const std::thread::id caller_ = std::this_thread::get_id();
};

class LanesTest : public ::testing::Test {
 protected:
  void Make(Stub::Watches watches) {
    std::vector<std::unique_ptr<Runner>> runners;
    runners.push_back(std::make_unique<Stub>(gate_, watches));
    lanes_ = *MakeLanes(OneProfile(), std::move(runners));
  }
  Job JobOf(const std::string& id, int client = -1) {
    Job job;
    job.id = id;
    job.profile = "p";
    job.client = client;
    return job;
  }
  Completion Into(std::promise<JobEnd>& end) {
    return [&end](JobEnd ended) { end.set_value(std::move(ended)); };
  }

  Gate gate_;
  std::unique_ptr<Backend> lanes_;
};

TEST_F(LanesTest, WhoWaitsDoesItAtOnce) {
  Make(Stub::Watches::kYes);
  std::promise<JobEnd> end;
  RunHere here;
  ASSERT_EQ(lanes_->Submit(JobOf("a", 0), Into(end), &here).kind, Admission::Kind::kTaken);
  ASSERT_TRUE(here);
  EXPECT_EQ(lanes_->Load()[0].running, 1u);  // its place is kept
  here();
  EXPECT_EQ(end.get_future().get().out, "here");
  EXPECT_EQ(lanes_->Load()[0].running, 0u);
}

TEST_F(LanesTest, AThreadIsNotLentToARunnerThatWouldNotSeeItsClientGo) {
  Make(Stub::Watches::kNo);
  std::promise<JobEnd> end;
  RunHere here;
  ASSERT_EQ(lanes_->Submit(JobOf("a", 0), Into(end), &here).kind, Admission::Kind::kTaken);
  EXPECT_FALSE(here);
  EXPECT_EQ(end.get_future().get().out, "there");
}

TEST_F(LanesTest, NobodyIsPassedAndNoMoreRunThanThereAreRunners) {
  Make(Stub::Watches::kYes);
  std::promise<JobEnd> held, waiting;
  ASSERT_EQ(lanes_->Submit(JobOf("held"), Into(held)).kind, Admission::Kind::kTaken);
  gate_.AwaitBegin();
  RunHere here;
  ASSERT_EQ(lanes_->Submit(JobOf("b", 0), Into(waiting), &here).kind, Admission::Kind::kTaken);
  EXPECT_FALSE(here);
  EXPECT_EQ(lanes_->Load()[0].queued, 1u);
  gate_.Open();
  EXPECT_EQ(held.get_future().get().out, "there");
  EXPECT_EQ(waiting.get_future().get().out, "there");
}

TEST_F(LanesTest, WhatCameMeanwhileRunsBehindALentThread) {
  Make(Stub::Watches::kYes);
  std::promise<JobEnd> first, second;
  RunHere here;
  ASSERT_EQ(lanes_->Submit(JobOf("a", 0), Into(first), &here).kind, Admission::Kind::kTaken);
  ASSERT_TRUE(here);
  ASSERT_EQ(lanes_->Submit(JobOf("b"), Into(second)).kind, Admission::Kind::kTaken);
  here();
  EXPECT_EQ(second.get_future().get().out, "there");
}

TEST_F(LanesTest, TheEndWaitsForALentThread) {
  Make(Stub::Watches::kYes);
  std::promise<JobEnd> end;
  RunHere here;
  ASSERT_EQ(lanes_->Submit(JobOf("held", 0), Into(end), &here).kind, Admission::Kind::kTaken);
  std::thread lent([&] { here(); });
  gate_.AwaitBegin();
  std::thread ending([this] { lanes_.reset(); });
  gate_.Open();
  ending.join();
  EXPECT_EQ(end.get_future().wait_for(std::chrono::seconds(0)), std::future_status::ready);
  lent.join();
}

}  // namespace
}  // namespace moat::web
