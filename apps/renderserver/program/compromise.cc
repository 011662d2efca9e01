// Where the attempts go, as the test says it: RENDERSERVER_SECRET (a file), RENDERSERVER_PORT (on the
// loopback), RENDERSERVER_PROGRAM (to execute), RENDERSERVER_ELSEWHERE (a file to write).
#include "program/compromise.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace program {
namespace {

const char* Word(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool Read() {
  const int fd = open(Word("RENDERSERVER_SECRET"), O_RDONLY | O_CLOEXEC);
  char byte = 0;
  return fd >= 0 && read(fd, &byte, 1) == 1;
}

bool Connect() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in there{};
  there.sin_family = AF_INET;
  there.sin_port = htons(static_cast<std::uint16_t>(std::atoi(Word("RENDERSERVER_PORT"))));
  there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&there), sizeof(there)) == 0;
}

bool Execute() {
  const pid_t child = fork();
  if (child == 0) {
    execl(Word("RENDERSERVER_PROGRAM"), "program", static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool WriteElsewhere() {
  const int fd = open(Word("RENDERSERVER_ELSEWHERE"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  return fd >= 0 && write(fd, "here", 4) == 4;
}

bool KillParent() { return kill(getppid(), SIGKILL) == 0; }

struct Attempt {
  std::string_view name;
  bool (*make)();
};
constexpr Attempt kAttempts[] = {
    {"read", Read}, {"connect", Connect}, {"exec", Execute}, {"write", WriteElsewhere}, {"kill", KillParent}};

void Try(const Attempt& attempt) {
  errno = 0;
  const bool done = attempt.make();
  const std::string line = "tried " + std::string(attempt.name) + ": " + (done ? "done" : std::strerror(errno)) + "\n";
  (void)!write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void AfterDecoding(const fig::Document& document) {
  constexpr std::string_view kMarker = "moat-test:compromise";
  for (const fig::NodeChange& node : document.nodes) {
    const std::string_view name = node.name ? std::string_view(*node.name) : std::string_view();
    if (name.substr(0, kMarker.size()) != kMarker) continue;
    const std::string_view which = name.substr(kMarker.size());
    for (const Attempt& attempt : kAttempts) {
      if (which.empty() || which == ":" + std::string(attempt.name)) Try(attempt);
    }
  }
}

}  // namespace program
