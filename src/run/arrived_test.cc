#include "run/arrived.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fd.h"

namespace moat::run {
namespace {

class Arrived : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = sys::Fd(ends[0]);
    theirs_ = sys::Fd(ends[1]);
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    sigprocmask(SIG_BLOCK, &taken, nullptr);
    signals_ = sys::Fd(signalfd(-1, &taken, SFD_CLOEXEC));
    ASSERT_EQ(fcntl(ours_.get(), F_SETOWN, getpid()), 0);
    ASSERT_EQ(fcntl(ours_.get(), F_SETSIG, SIGTERM), 0);
    ASSERT_EQ(fcntl(ours_.get(), F_SETFL, O_ASYNC), 0);
  }
  struct signalfd_siginfo Signal() {
    struct signalfd_siginfo info {};
    EXPECT_EQ(read(signals_.get(), &info, sizeof(info)), static_cast<ssize_t>(sizeof(info)));
    return info;
  }
  sys::Fd ours_, theirs_, signals_;
};

TEST_F(Arrived, WhatIsThereArrived) {
  ASSERT_EQ(write(theirs_.get(), "x", 1), 1);
  EXPECT_FALSE(NothingArrived(Signal()));
}

TEST_F(Arrived, WhatWasTakenBeforeDidNot) {
  ASSERT_EQ(write(theirs_.get(), "x", 1), 1);
  char byte;
  ASSERT_EQ(read(ours_.get(), &byte, 1), 1);
  EXPECT_TRUE(NothingArrived(Signal()));
}

TEST_F(Arrived, TheEndArrived) {
  theirs_.Close();
  EXPECT_FALSE(NothingArrived(Signal()));
}

TEST_F(Arrived, ASignalOfSomebodysIsNoMessage) {
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  EXPECT_FALSE(NothingArrived(Signal()));
}

}  // namespace
}  // namespace moat::run
