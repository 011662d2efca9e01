#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "guests/guest.h"

namespace moat::guest {
namespace {

union Address {
  struct sockaddr any;
  struct sockaddr_un local;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

int Told(const char* what, bool worked) {
  printf("%s: %s\n", what, worked ? "connected" : strerror(errno));
  return worked ? 0 : 1;
}

bool Connect(const Address& address, socklen_t length) {
  const int fd = socket(address.any.sa_family, SOCK_STREAM, 0);
  return fd >= 0 && connect(fd, &address.any, length) == 0;
}

// With a leading '@' an abstract name.
bool ConnectLocal(const char* name) {
  Address address = {};
  address.local.sun_family = AF_UNIX;
  strncpy(address.local.sun_path, name, sizeof(address.local.sun_path) - 1);
  const bool abstract = name[0] == '@';
  if (abstract) address.local.sun_path[0] = '\0';
  const size_t length = offsetof(struct sockaddr_un, sun_path) + strlen(name) + (abstract ? 0 : 1);
  return Connect(address, static_cast<socklen_t>(length));
}

Address Inet(const char* host, int port, socklen_t& length) {
  Address address = {};
  if (strchr(host, ':') != nullptr) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET6, host, &address.v6.sin6_addr);
    length = sizeof(address.v6);
  } else {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, host, &address.v4.sin_addr);
    length = sizeof(address.v4);
  }
  return address;
}

// A server of its own and a client to it, over TCP and over UDP.
bool Loopback(const char* host) {
  socklen_t length = 0;
  Address address = Inet(host, 0, length);
  const int server = socket(address.any.sa_family, SOCK_STREAM, 0);
  if (server < 0 || bind(server, &address.any, length) != 0 || listen(server, 1) != 0) return false;
  if (getsockname(server, &address.any, &length) != 0) return false;
  const int client = socket(address.any.sa_family, SOCK_STREAM, 0);
  if (client < 0 || connect(client, &address.any, length) != 0) return false;
  const int accepted = accept(server, nullptr, nullptr);
  char got = 0;
  if (write(client, "x", 1) != 1 || read(accepted, &got, 1) != 1 || got != 'x') return false;
  const int datagrams = socket(address.any.sa_family, SOCK_DGRAM, 0);
  return datagrams >= 0 && bind(datagrams, &address.any, length) == 0;
}

}  // namespace

int Network(int argc, char** argv) {
  const char* deed = argv[0];
  if (strcmp(deed, "connect") == 0 && argc > 1) return Told(argv[1], ConnectLocal(argv[1]));
  if (strcmp(deed, "loopback") == 0 && argc > 1) return Told(argv[1], Loopback(argv[1]));
  if (strcmp(deed, "tcp") == 0 && argc > 2) {
    socklen_t length = 0;
    const Address address = Inet(argv[1], atoi(argv[2]), length);
    return Told("tcp", Connect(address, length));
  }
  return -1;
}

}  // namespace moat::guest
