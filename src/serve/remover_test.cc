#include "serve/remover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "serve/testing.h"
#include "sys/message.h"

namespace moat::serve {
namespace {

using testing::Lingering;

// Without the thread that ends, each of these takes an hour, and the test's own limit ends it.
TEST(Remover, DoesNotWaitForASocket) {
  auto loop = std::move(*Loop::Make());
  Remover remover(*loop);
  Lingering one, another, inner;
  // One lies in the queue of a socket that is passed.
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
  const sys::Fd sender(pair[0]);
  const int fds[] = {inner.ours.get()};
  ASSERT_TRUE(sys::SendMessage(sender.get(), "x", {}, fds).ok());
  inner.ours.Close();
  remover.Take(std::move(one.ours));
  std::vector<sys::Fd> more;
  more.push_back(std::move(another.ours));
  more.emplace_back(pair[1]);
  remover.Take(std::move(more));
  loop->Defer([&] { loop->Stop(); });
  ASSERT_TRUE(loop->Run().ok());
  // They are closed, and not only forgotten.
  pollfd gone = {sender.get(), POLLOUT, 0};
  while (poll(&gone, 1, -1) != 1 || send(sender.get(), "x", 1, MSG_NOSIGNAL) == 1) {
  }
  EXPECT_EQ(errno, ECONNREFUSED);
}

// A message of no bytes looks like the end of a connection.
TEST(Remover, LooksForWhatLiesInAConnection) {
  auto loop = std::move(*Loop::Make());
  Remover remover(*loop);
  for (const bool passes : {false, true}) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    sys::Fd client(pair[0]);
    Lingering one;
    const int fds[] = {one.ours.get()};
    if (passes) {
      ASSERT_TRUE(sys::SendMessage(client.get(), "", {}, fds).ok());
      one.ours.Close();
    } else {
      one.peer.Close();
    }
    client.Close();
    remover.TakeConnection(sys::Fd(pair[1]));
    EXPECT_EQ(fcntl(pair[1], F_GETFD) == -1, !passes);
  }
  loop->Defer([&] { loop->Stop(); });
  ASSERT_TRUE(loop->Run().ok());
}

TEST(Remover, ClosesFilesAtOnceAndTheRestAtTheLatestWithItself) {
  auto loop = std::move(*Loop::Make());
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  sys::Fd read_end(ends[0]);
  Lingering one;
  const int number = one.ours.get();
  {
    Remover remover(*loop);
    remover.Take(sys::Fd(ends[1]));
    char byte;
    EXPECT_EQ(read(read_end.get(), &byte, 1), 0);
    remover.Take(std::move(one.ours));
    remover.Take(sys::Fd());
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace moat::serve
