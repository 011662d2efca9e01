// What hostile clients pass, for tests of who closes it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "sys/fd.h"

namespace moat::serve::testing {

// Whose close waits for an hour: what was sent is not read by its peer.
struct Lingering {
  sys::Fd ours, peer;
  Lingering() {
    const sys::Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener.get(), generic, size), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), generic, &size), 0);
    ours = sys::Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(ours.get(), generic, size), 0);
    peer = sys::Fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string bytes(1 << 16, 'x');
    while (send(ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    const struct linger hour = {1, 3600};
    EXPECT_EQ(setsockopt(ours.get(), SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)), 0);
  }
};

}  // namespace moat::serve::testing
