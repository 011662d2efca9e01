#include "bench/daemon.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

namespace moat::bench {

Result<Daemon> Daemon::Start(const std::string& moat, const char* command, const std::string& config, const std::string& log) {
  int ends[2];
  if (pipe(ends) != 0) return SystemError("pipe", errno);
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    if (freopen(log.c_str(), "a", stderr) == nullptr) _exit(127);
    const std::string fd = std::to_string(ends[1]);
    execl(moat.c_str(), "moat", command, "--ready-fd", fd.c_str(), config.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return SystemError("fork", errno);
  }
  char bytes[16] = {};
  const ssize_t size = read(ends[0], bytes, sizeof(bytes) - 1);
  close(ends[0]);
  Daemon daemon(pid, bytes);
  if (size < 1) return HostError(std::string("moat ") + command + " does not begin; see " + log);
  return daemon;
}

Daemon::Daemon(Daemon&& other) noexcept : pid_(std::exchange(other.pid_, -1)), said_(std::move(other.said_)) {}

Daemon::~Daemon() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

}  // namespace moat::bench
