#include "sys/message.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

namespace moat::sys {
namespace {

std::size_t OpenDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  std::size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

class MessageTest : public testing::Test {
 protected:
  MessageTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = Fd(ends[0]);
    theirs_ = Fd(ends[1]);
    int pipe[2];
    EXPECT_EQ(pipe2(pipe, O_CLOEXEC), 0);
    read_ = Fd(pipe[0]);
    write_ = Fd(pipe[1]);
  }
  std::string_view Bytes(const Message& message) const { return {buffer_.data(), message.size}; }
  Result<Message> Receive(std::size_t most) { return ReceiveMessage(theirs_.get(), buffer_, most, Wait::kNo); }
  static bool SameFile(int a, int b) {
    struct stat one{}, other{};
    return ::fstat(a, &one) == 0 && ::fstat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
  }

  Fd ours_, theirs_, read_, write_;
  std::array<char, 16> buffer_{};
};

TEST_F(MessageTest, BytesAndDescriptorsArriveInTheirOrder) {
  const int fds[] = {read_.get(), ours_.get(), write_.get()};
  const auto sent = SendMessage(ours_.get(), "head", "body", fds);
  ASSERT_TRUE(sent.ok());
  EXPECT_EQ(*sent, 8U);
  auto got = Receive(3);
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got->whole);
  EXPECT_EQ(Bytes(*got), "headbody");
  ASSERT_EQ(got->fds.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(SameFile(got->fds[static_cast<std::size_t>(i)].get(), fds[i])) << i;
    EXPECT_NE(fcntl(got->fds[static_cast<std::size_t>(i)].get(), F_GETFD) & FD_CLOEXEC, 0) << i;
  }
}

TEST_F(MessageTest, AMessageWithoutDescriptorsIsWhole) {
  ASSERT_TRUE(SendMessage(ours_.get(), "x", {}, {}).ok());
  const auto got = Receive(0);
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got->whole);
  EXPECT_EQ(Bytes(*got), "x");
  EXPECT_TRUE(got->fds.empty());
}

// The room for an odd number of them is rounded up by the macros, to one more.
TEST_F(MessageTest, NoneIsTakenOfMoreThanWereWanted) {
  const std::size_t before = OpenDescriptors();
  for (std::size_t most = 0; most < 4; ++most) {
    const std::vector<int> fds(most + 1, read_.get());
    ASSERT_TRUE(SendMessage(ours_.get(), "x", {}, fds).ok());
    {
      const auto got = Receive(most);
      ASSERT_TRUE(got.ok());
      EXPECT_FALSE(got->whole) << most;
      EXPECT_TRUE(got->fds.empty()) << most;
      EXPECT_EQ(OpenDescriptors(), before + got->unwanted.size()) << most;
    }
    EXPECT_EQ(OpenDescriptors(), before) << most;
  }
}

TEST_F(MessageTest, AsManyAsTheKernelPasses) {
  const std::vector<int> fds(kMaxMessageFds, read_.get());
  ASSERT_TRUE(SendMessage(ours_.get(), "x", {}, fds).ok());
  const auto got = Receive(kMaxMessageFds);
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got->whole);
  EXPECT_EQ(got->fds.size(), kMaxMessageFds);
  const std::vector<int> more(kMaxMessageFds + 1, read_.get());
  const auto refused = SendMessage(ours_.get(), "x", {}, more);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kBug);
}

// Descriptors of another kind of message are not to be found in its bytes.
TEST_F(MessageTest, CredentialsAreNoDescriptors) {
  const int on = 1;
  ASSERT_EQ(setsockopt(theirs_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
  ASSERT_TRUE(SendMessage(ours_.get(), "x", {}, {}).ok());
  const std::size_t before = OpenDescriptors();
  const auto got = Receive(8);
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got->whole);
  EXPECT_TRUE(got->fds.empty());
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(MessageTest, BytesThatHaveNoRoomAreMissed) {
  const int fds[] = {read_.get()};
  ASSERT_TRUE(SendMessage(ours_.get(), "0123456789abcdef", "more", fds).ok());
  const auto got = Receive(1);
  ASSERT_TRUE(got.ok());
  EXPECT_FALSE(got->whole);
  EXPECT_EQ(got->size, buffer_.size());
}

TEST_F(MessageTest, WhoHasGoneIsToldApart) {
  EXPECT_EQ(Receive(1).error().error_number, EAGAIN);
  ours_.Close();
  const auto got = Receive(1);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->size, 0U);
  const auto sent = SendMessage(theirs_.get(), "x", {}, {});
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().error_number, EPIPE);
}

// It left what we said unread: the kernel tells that before it tells what it said itself.
TEST_F(MessageTest, WhatWasSaidBeforeAResetIsRead) {
  ASSERT_TRUE(SendMessage(theirs_.get(), "unread", {}, {}).ok());
  ASSERT_TRUE(SendMessage(ours_.get(), "last", {}, {}).ok());
  ours_.Close();
  const auto got = Receive(1);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(Bytes(*got), "last");
}

}  // namespace
}  // namespace moat::sys
