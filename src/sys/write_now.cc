#include "sys/write_now.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace moat::sys {
namespace {

// As much as fits once a pipe can be written to at all.
constexpr std::size_t kPart = 4096;

bool TakesSome(int fd) {
  struct pollfd one {fd, POLLOUT, 0};
  int ready;
  do ready = ::poll(&one, 1, 0);
  while (ready < 0 && errno == EINTR);
  return ready == 1 && (one.revents & POLLOUT) != 0;
}

ssize_t WriteSome(int fd, std::string_view part) {
  ssize_t n;
  do {
    n = ::send(fd, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == ENOTSOCK) n = ::write(fd, part.data(), part.size());
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace

std::size_t WriteNow(int fd, std::string_view bytes) {
  std::size_t written = 0;
  while (written < bytes.size() && TakesSome(fd)) {
    const ssize_t n = WriteSome(fd, bytes.substr(written, kPart));
    if (n <= 0) break;
    written += static_cast<std::size_t>(n);
  }
  return written;
}

}  // namespace moat::sys
