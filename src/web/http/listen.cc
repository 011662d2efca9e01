#include "web/http/listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace moat::web {
namespace {

constexpr int kBacklog = 1024;

// A socket that nobody listens at any more. Never anything that is no socket, and nobody else's place.
Status RemoveLeft(const std::string& path, const sockaddr* address, socklen_t length) {
  struct stat facts {};
  if (lstat(path.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode)) return {};
  const sys::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(probe.get(), address, length) == 0 || errno == EAGAIN) {
    return WithFix(HostError("somebody listens at `" + path + "` already"), "stop it, choose another path, or `moat http --take-over`");
  }
  unlink(path.c_str());
  return {};
}

Result<sys::Fd> ListenUnix(const std::string& path) {
  sys::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return SystemError("socket", errno, path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
  MOAT_TRY(RemoveLeft(path, reinterpret_cast<const sockaddr*>(&address), sizeof(address)));
  const mode_t before = umask(0177);
  const int bound = bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int failed = errno;
  umask(before);
  if (bound != 0) return SystemError("bind", failed, path);
  if (listen(socket.get(), kBacklog) != 0) return SystemError("listen", errno, path);
  return socket;
}

Result<sys::Fd> ListenTcp(const ListenConfig& config) {
  sockaddr_storage address{};
  socklen_t length = 0;
  auto* four = reinterpret_cast<sockaddr_in*>(&address);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET, config.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(config.port);
    length = sizeof(*four);
  } else if (inet_pton(AF_INET6, config.address.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(config.port);
    length = sizeof(*six);
  } else {
    return PolicyError("`" + config.address + "` is no address");
  }
  const std::string where = config.address + ":" + base::Number(config.port);
  sys::Fd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return SystemError("socket", errno, where);
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return SystemError("bind", errno, where);
  if (listen(socket.get(), kBacklog) != 0) return SystemError("listen", errno, where);
  return socket;
}

}  // namespace

Result<sys::Fd> Listen(const ListenConfig& config) {
  return config.unix_path.empty() ? ListenTcp(config) : ListenUnix(config.unix_path);
}

std::uint16_t PortOf(const sys::Fd& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  return address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port) : 0;
}

std::string RemoteOf(const sys::Fd& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return "unknown";
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&address)->sin_addr, text, sizeof(text));
  } else if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr, text, sizeof(text));
  } else {
    return "local";
  }
  return text;
}

}  // namespace moat::web
