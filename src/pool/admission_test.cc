#include "pool/admission.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>

namespace moat::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Queue : public testing::Test {
 protected:
  Queue() : queue_(MachineBounds{4, 1000}) { queue_.SetProfile("p", bounds_); }

  Decision Offer(JobId id, const std::string& caller = "a", Priority priority = Priority::kNormal,
                 const std::string& profile = "p", std::optional<Time> start_by = {}) {
    return queue_.Apply({id, profile, caller, priority, start_by}, now_);
  }
  // Starts and ends one job after the other.
  std::vector<JobId> ServeAll(std::size_t most = 1000) {
    std::vector<JobId> served;
    while (served.size() < most) {
      const auto id = queue_.Next(now_);
      if (!id) break;
      served.push_back(*id);
      queue_.Finished(*id, now_);
    }
    return served;
  }

  ProfileBounds bounds_{4, 8, 6, ~0U, 10, seconds(10)};
  Admission queue_;
  Time now_ = seconds(1000);
};

TEST_F(Queue, FirstComeFirstServedForOneCaller) {
  for (JobId id = 1; id <= 5; ++id) EXPECT_TRUE(Offer(id).admitted());
  EXPECT_EQ(ServeAll(), (std::vector<JobId>{1, 2, 3, 4, 5}));
  EXPECT_EQ(queue_.waiting(), 0U);
  EXPECT_EQ(queue_.Figures("p")->finished, 5U);
}

TEST_F(Queue, IsBoundedAndSaysWhenToAskAgain) {
  for (JobId id = 1; id <= 6; ++id) EXPECT_TRUE(Offer(id).admitted());
  EXPECT_EQ(Offer(7).refusal, Refusal::kCallerFull);
  EXPECT_TRUE(Offer(8, "b").admitted());
  EXPECT_TRUE(Offer(9, "c").admitted());
  const Decision full = Offer(10, "d");
  EXPECT_EQ(full.refusal, Refusal::kFull);
  EXPECT_EQ(full.retry_after, seconds(1));  // nothing is known of how long jobs take
  const auto id = queue_.Next(now_);
  ASSERT_TRUE(id);
  now_ += seconds(8);
  queue_.Finished(*id, now_);
  EXPECT_TRUE(Offer(11, "d").admitted());
  EXPECT_EQ(Offer(12, "e").retry_after, seconds(18));  // (8 + 1) * 8 s / 4 lanes
  EXPECT_EQ(queue_.Figures("p")->refused, 3U);
}

TEST_F(Queue, RetryAfterNeverOverflows) {
  EXPECT_TRUE(Offer(1).admitted());
  ASSERT_TRUE(queue_.Next(now_));
  now_ += std::chrono::hours(24 * 365 * 100);
  queue_.Finished(1, now_);
  for (JobId id = 2; id <= 7; ++id) EXPECT_TRUE(Offer(id).admitted());
  EXPECT_EQ(Offer(8).retry_after, seconds(300));
}

TEST_F(Queue, RefusesWhatCanNeverRun) {
  EXPECT_EQ(Offer(1, "a", Priority::kNormal, "q").refusal, Refusal::kUnknownProfile);
  EXPECT_EQ(Offer(1, "a", Priority::kNormal, "p", now_).refusal, Refusal::kTooLate);
  queue_.SetProfile("huge", {4, 8, 8, 4, 1001, seconds(1)});
  EXPECT_EQ(Offer(1, "a", Priority::kNormal, "huge").refusal, Refusal::kNeverFits);
  queue_.SetProfile("off", {0, 8, 8, 4, 1, seconds(1)});
  EXPECT_EQ(Offer(1, "a", Priority::kNormal, "off").refusal, Refusal::kNeverFits);
  EXPECT_TRUE(Offer(1).admitted());
  EXPECT_FALSE(Offer(1).admitted());  // the same number twice
}

TEST_F(Queue, CallersTakeTurns) {
  for (JobId id = 1; id <= 6; ++id) Offer(id, "greedy");
  Offer(11, "modest");
  Offer(12, "modest");
  const auto served = ServeAll(4);
  EXPECT_EQ(std::set<JobId>(served.begin(), served.end()), (std::set<JobId>{1, 2, 11, 12}));
}

TEST_F(Queue, NobodySavesUpTurns) {
  // "late" was idle while "early" was served many times.
  for (JobId id = 1; id <= 100; ++id) {
    Offer(id, "early");
    ServeAll();
  }
  for (JobId id = 101; id <= 104; ++id) Offer(id, "early");
  for (JobId id = 201; id <= 204; ++id) Offer(id, "late");
  const auto served = ServeAll(4);
  const auto late = std::count_if(served.begin(), served.end(), [](JobId id) { return id > 200; });
  EXPECT_EQ(late, 2);
}

TEST_F(Queue, LeavingAndComingBackGainsNothing) {
  for (JobId id = 1; id <= 4; ++id) Offer(id, "patient");
  JobId next = 100;
  std::map<bool, int> served;
  for (int round = 0; round < 6; ++round) {
    Offer(next++, "hasty");
    for (const JobId id : ServeAll(1)) ++served[id >= 100];
  }
  EXPECT_GE(served[false], 2);
}

TEST_F(Queue, PrioritiesAreWeightedAndNobodyStarves) {
  bounds_ = {4, 1000, 1000, ~0U, 1, seconds(10)};
  queue_.SetProfile("p", bounds_);
  for (JobId id = 0; id < 100; ++id) {
    Offer(1000 + id, "a", Priority::kHigh);
    Offer(2000 + id, "a", Priority::kNormal);
    Offer(3000 + id, "a", Priority::kLow);
  }
  std::map<JobId, int> counts;
  for (const JobId id : ServeAll(84)) ++counts[id / 1000];
  EXPECT_EQ(counts[1], 64);
  EXPECT_EQ(counts[2], 16);
  EXPECT_EQ(counts[3], 4);
}

TEST_F(Queue, ProfilesTakeTurns) {
  queue_.SetProfile("q", bounds_);
  for (JobId id = 1; id <= 4; ++id) Offer(id);
  for (JobId id = 11; id <= 14; ++id) Offer(id, "a", Priority::kLow, "q");
  const auto served = ServeAll(4);
  EXPECT_EQ(std::count_if(served.begin(), served.end(), [](JobId id) { return id > 10; }), 2);
}

TEST_F(Queue, RunningIsBoundedForMachineProfileCallerAndMemory) {
  queue_.SetProfile("p", {2, 8, 8, 1, 10, seconds(10)});
  for (JobId id = 1; id <= 3; ++id) Offer(id, "a");
  Offer(4, "b");
  const auto first = queue_.Next(now_), second = queue_.Next(now_);
  EXPECT_EQ((std::set<JobId>{*first, *second}), (std::set<JobId>{1, 4}));  // one of each caller
  EXPECT_FALSE(queue_.Next(now_));                                         // two of the profile
  queue_.SetProfile("q", {4, 8, 8, 4, 500, seconds(10)});
  for (JobId id = 11; id <= 13; ++id) Offer(id, "a", Priority::kNormal, "q");
  EXPECT_TRUE(queue_.Next(now_));   // 20 + 500
  EXPECT_FALSE(queue_.Next(now_));  // not 20 + 1000 of 1000
  queue_.Finished(1, now_);
  queue_.Finished(4, now_);
  ASSERT_TRUE(queue_.Next(now_));
  EXPECT_EQ(queue_.running(), 2U);
}

TEST_F(Queue, WhoseTurnItIsIsNotPassedForItsMemory) {
  queue_.SetProfile("big", {4, 8, 8, 4, 995, seconds(10)});
  Offer(1);
  Offer(2);
  ASSERT_TRUE(queue_.Next(now_));  // 1 runs
  Offer(11, "a", Priority::kNormal, "big");
  Offer(3);
  // It is big's turn as soon as p has had one more; then small ones wait, too.
  std::vector<JobId> started;
  while (const auto id = queue_.Next(now_)) started.push_back(*id);
  EXPECT_LE(started.size(), 1U);
  queue_.Finished(1, now_);
  for (const JobId id : started) queue_.Finished(id, now_);
  const auto served = ServeAll();
  EXPECT_NE(std::find(served.begin(), served.end(), 11U), served.end());
}

TEST_F(Queue, WhatWaitedTooLongIsNeverStarted) {
  Offer(1);
  Offer(2, "a", Priority::kNormal, "p", now_ + seconds(2));
  EXPECT_EQ(queue_.NextExpiry(), now_ + seconds(2));
  now_ += seconds(2);
  EXPECT_EQ(queue_.Next(now_), 1U);
  EXPECT_FALSE(queue_.Next(now_));  // 2 is overdue, though nobody asked
  EXPECT_EQ(queue_.Expired(now_), std::vector<JobId>{2});
  EXPECT_TRUE(queue_.Expired(now_).empty());
  Offer(3);
  now_ += seconds(10);
  EXPECT_EQ(queue_.Expired(now_), std::vector<JobId>{3});
  EXPECT_FALSE(queue_.NextExpiry());
  EXPECT_EQ(queue_.running(), 1U);  // one that runs does not expire
  EXPECT_EQ(queue_.Figures("p")->expired, 2U);
}

TEST_F(Queue, APausedProfileHoldsUpNobody) {
  queue_.SetProfile("q", bounds_);
  Offer(1);
  Offer(11, "a", Priority::kNormal, "q");
  queue_.Pause("p", Pausing::kYes);
  EXPECT_EQ(ServeAll(), std::vector<JobId>{11});
  queue_.Pause("p", Pausing::kNo);
  EXPECT_EQ(ServeAll(), std::vector<JobId>{1});
}

TEST_F(Queue, CancelsWhatWaitsOnly) {
  Offer(1);
  Offer(2);
  ASSERT_EQ(queue_.Next(now_), 1U);
  EXPECT_FALSE(queue_.Cancel(1));
  EXPECT_TRUE(queue_.Cancel(2));
  EXPECT_FALSE(queue_.Cancel(2));
  EXPECT_FALSE(queue_.Cancel(99));
  EXPECT_FALSE(queue_.Next(now_));
}

TEST_F(Queue, WhatWasNotBegunGoesToTheFront) {
  for (JobId id = 1; id <= 3; ++id) Offer(id);
  ASSERT_EQ(queue_.Next(now_), 1U);
  queue_.PutBack(1);
  EXPECT_EQ(queue_.running(), 0U);
  EXPECT_EQ(queue_.Next(now_), 1U);
}

TEST_F(Queue, DrainingAndRetiringAdmitNothingAndLoseNothing) {
  Offer(1);
  Offer(2);
  queue_.Retire("p");
  EXPECT_EQ(Offer(3).refusal, Refusal::kDraining);
  EXPECT_EQ(ServeAll(), (std::vector<JobId>{1, 2}));
  EXPECT_EQ(queue_.Figures("p"), nullptr);
  EXPECT_EQ(Offer(3).refusal, Refusal::kUnknownProfile);
  queue_.SetProfile("p", bounds_);
  EXPECT_TRUE(Offer(4).admitted());
  queue_.Drain();
  EXPECT_EQ(Offer(5).refusal, Refusal::kDraining);
  EXPECT_EQ(ServeAll(), std::vector<JobId>{4});
}

TEST_F(Queue, NewBoundsKeepWhatWaitsAndCountMemoryAnew) {
  for (JobId id = 1; id <= 4; ++id) Offer(id);
  ASSERT_TRUE(queue_.Next(now_));
  queue_.SetProfile("p", {4, 2, 2, 4, 700, seconds(10)});
  EXPECT_EQ(queue_.waiting(), 3U);
  EXPECT_EQ(Offer(5).refusal, Refusal::kFull);
  EXPECT_FALSE(queue_.Next(now_));  // 700 + 700
  queue_.Finished(1, now_);
  EXPECT_EQ(ServeAll().size(), 3U);
}

TEST(FairShare, RemembersABoundedNumberOfThoseWhoLeft) {
  FairShare<std::string> share;
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = std::to_string(i);
    share.Add(key);
    share.Served(key);
    share.Remove(key);
    share.Add("always");
    share.Served("always");
  }
  EXPECT_LT(share.remembered(), 200U);
}

// What the queue should hold, beside what it does.
class Beside {
 public:
  Beside() : queue_(MachineBounds{3, 100}) {
    queue_.SetProfile("p", {2, 5, 3, 2, 30, seconds(5)});
    queue_.SetProfile("q", {3, 4, 4, 1, 50, seconds(3)});
  }

  void Apply() {
    const bool is_p = *rc::gen::arbitrary<bool>();
    const std::string caller(1, static_cast<char>('a' + *rc::gen::inRange(0, 4)));
    const Application application{next_id_, is_p ? "p" : "q", caller, static_cast<Priority>(*rc::gen::inRange(0, 3)), {}};
    if (queue_.Apply(application, now_).admitted()) {
      waiting_.insert(next_id_);
      memory_[next_id_] = is_p ? 30 : 50;
      expires_[next_id_] = now_ + (is_p ? seconds(5) : seconds(3));
    }
    ++next_id_;
  }

  bool Start() {
    const auto id = queue_.Next(now_);
    if (!id) return false;
    RC_ASSERT(waiting_.erase(*id) == 1U);
    RC_ASSERT(expires_[*id] > now_);
    running_.insert(*id);
    return true;
  }

  void EndOne() {
    if (running_.empty()) return;
    const JobId id = *running_.begin();
    running_.erase(id);
    if (*rc::gen::inRange(0, 4) == 0) {
      queue_.PutBack(id);
      waiting_.insert(id);
    } else {
      queue_.Finished(id, now_);
    }
  }

  void EndAll() {
    for (const JobId id : running_) queue_.Finished(id, now_);
    running_.clear();
  }

  void CancelOne() {
    if (waiting_.empty()) return;
    const JobId id = *waiting_.rbegin();
    if (queue_.Cancel(id)) waiting_.erase(id);
  }

  void Pass(Time time) {
    now_ += time;
    for (const JobId id : queue_.Expired(now_)) RC_ASSERT(waiting_.erase(id) == 1U);
  }

  void BoundsHold() {
    std::uint64_t sum = 0;
    for (const JobId id : running_) sum += memory_[id];
    RC_ASSERT(sum <= 100U);
    RC_ASSERT(running_.size() <= 3U);
    RC_ASSERT(queue_.running() == running_.size());
    RC_ASSERT(queue_.waiting() <= waiting_.size());  // some may be overdue and not told yet
  }

  bool empty() const { return waiting_.empty() && running_.empty(); }

 private:
  Admission queue_;
  Time now_{0};
  JobId next_id_ = 1;
  std::set<JobId> waiting_, running_;
  std::map<JobId, std::uint64_t> memory_;
  std::map<JobId, Time> expires_;
};

// Whatever is done to it: bounds hold, every admitted job comes out exactly once.
TEST(AdmissionProperty, NothingIsLostAndNothingExceeded) {
  const bool held = rc::check("admission", [] {
    Beside both;
    const auto steps = *rc::gen::inRange(1, 300);
    for (int i = 0; i < steps; ++i) {
      const int what = *rc::gen::inRange(0, 10);
      if (what < 4) {
        both.Apply();
      } else if (what < 7) {
        both.Start();
      } else if (what == 7) {
        both.EndOne();
      } else if (what == 8) {
        both.CancelOne();
      } else {
        both.Pass(milliseconds(*rc::gen::inRange(0, 2000)));
      }
      both.BoundsHold();
    }
    for (int i = 0; i < 100 && !both.empty(); ++i) {
      both.Pass(Time(0));
      while (both.Start()) {
      }
      both.EndAll();
    }
    RC_ASSERT(both.empty());
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace moat::pool
