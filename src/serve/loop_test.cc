#include "serve/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <thread>

#include "sys/calls.h"

namespace moat::serve {
namespace {

using std::chrono::milliseconds;

class Loops : public testing::Test {
 protected:
  Loops() {
    auto made = Loop::Make();
    EXPECT_TRUE(made.ok());
    loop_ = std::move(*made);
    // A test that waits for nothing ends nevertheless.
    loop_->At(loop_->now() + std::chrono::seconds(20), [this] {
      ADD_FAILURE() << "nothing happened";
      loop_->Stop();
    });
  }
  std::unique_ptr<Loop> loop_;
};

TEST_F(Loops, TimersComeInTheirOrderAndCanBeDropped) {
  std::string order;
  const Time now = loop_->now();
  loop_->At(now + milliseconds(20), [&] { order += "c"; loop_->Stop(); });
  loop_->At(now + milliseconds(5), [&] { order += "a"; });
  const auto dropped = loop_->At(now + milliseconds(7), [&] { order += "x"; });
  loop_->At(now + milliseconds(6), [&] {
    order += "b";
    loop_->Drop(dropped);
    loop_->Drop(dropped);
  });
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(order, "abc");
}

TEST_F(Loops, OtherThreadsPost) {
  std::thread other([&] { loop_->Post([&] { loop_->Stop(); }); });
  ASSERT_TRUE(loop_->Run().ok());
  other.join();
}

TEST_F(Loops, WhatIsDeferredRunsLaterAndInOrder) {
  std::string order;
  loop_->Defer([&] {
    order += "a";
    loop_->Defer([&] {
      order += "c";
      loop_->Stop();
    });
    order += "b";
  });
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(order, "abc");
}

TEST_F(Loops, DescriptorsAreWatchedHandedAndLeft) {
  auto pipe = sys::pipe2();
  ASSERT_TRUE(pipe.ok());
  int first = 0, second = 0;
  ASSERT_TRUE(loop_->Watch(pipe->read.get(), EPOLLIN, [&](std::uint32_t) {
    ++first;
    // Handed over from within its own call.
    loop_->Hand(pipe->read.get(), [&](std::uint32_t) {
      ++second;
      loop_->Unwatch(pipe->read.get());
      loop_->Stop();
    });
  }).ok());
  EXPECT_FALSE(loop_->Watch(pipe->read.get(), EPOLLIN, [](std::uint32_t) {}).ok());
  ASSERT_EQ(write(pipe->write.get(), "x", 1), 1);
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

// Two are ready at once, and the first closes the second, whose number is taken by a third.
TEST_F(Loops, ANumberThatWasUsedAgainGetsNoOldEvents) {
  auto one = sys::pipe2(), two = sys::pipe2();
  ASSERT_TRUE(one.ok() && two.ok());
  int wrong = 0;
  std::vector<sys::Fd> fresh;
  const auto swap = [&](sys::Fd& mine, sys::Fd& other) {
    if (!other.valid()) return;
    loop_->Unwatch(other.get());
    other.Close();
    auto three = sys::pipe2();
    fresh.push_back(std::move(three->read));
    fresh.push_back(std::move(three->write));
    EXPECT_TRUE(loop_->Watch(fresh[0].get(), EPOLLIN, [&](std::uint32_t) { ++wrong; }).ok());
    loop_->Unwatch(mine.get());
    mine.Close();
    loop_->At(loop_->now() + milliseconds(1), [&] { loop_->Stop(); });
  };
  ASSERT_TRUE(loop_->Watch(one->read.get(), EPOLLIN, [&](std::uint32_t) { swap(one->read, two->read); }).ok());
  ASSERT_TRUE(loop_->Watch(two->read.get(), EPOLLIN, [&](std::uint32_t) { swap(two->read, one->read); }).ok());
  ASSERT_EQ(write(one->write.get(), "x", 1), 1);
  ASSERT_EQ(write(two->write.get(), "x", 1), 1);
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace moat::serve
