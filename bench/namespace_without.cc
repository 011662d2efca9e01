#include "bench/namespace_without.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace moat::bench {
namespace {

// In a child: answers with an errno on the pipe, then waits to be killed.
[[noreturn]] void Hide(const char* folder, int answer) {
  int error = 0;
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", folder, "tmpfs", 0, nullptr) != 0) {
    error = errno;
  }
  (void)!write(answer, &error, sizeof(error));
  for (;;) pause();
}

}  // namespace

Result<sys::Fd> NamespaceWithout(const std::string& folder) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("pipe2", errno);
  const sys::Fd from(ends[0]);
  sys::Fd to(ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return SystemError("fork", errno);
  if (pid == 0) Hide(folder.c_str(), to.get());
  to = sys::Fd();
  int error = EIO;
  (void)!read(from.get(), &error, sizeof(error));
  sys::Fd result(open(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  if (error != 0) return SystemError("mount", error, folder);
  return result;
}

}  // namespace moat::bench
