#include "api/start_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "api/protocol.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

// Runs on a borrowed stack, in memory that is shared with a process that stands still: nothing
// that a sanitizer adds may happen there.
#define MOAT_PLAIN __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

namespace moat::api {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr std::size_t kStack = 64 * 1024;
constexpr int kSignals = 64;
constexpr unsigned kSigmaskBytes = 8;

// Shared by three processes, of which one runs at a time.
struct Start {
  const char* program;
  int null, socket, host;
  unsigned char* stack_top;  // of the helper-to-be
  int pid = -1, pidfd = -1;
  int error_number = 0;
  const char* call = "";
};

struct KernelSigaction {
  unsigned long handler, flags, restorer, mask;
};

MOAT_PLAIN int Give(Start& start, const char* call, long result) {
  start.call = call;
  start.error_number = static_cast<int>(-result);
  return 1;
}

// The process that becomes the helper. Its descriptors are a copy, its memory is not.
MOAT_PLAIN int Become(void* argument) {
  Start& start = *static_cast<Start*>(argument);
  const KernelSigaction standard{0, 0, 0, 0};
  const unsigned long none = 0;
  // Handlers must be gone before a signal is let in; what the host ignores would outlive exec.
  for (int i = 1; i <= kSignals; ++i) Syscall(__NR_rt_sigaction, i, &standard, nullptr, kSigmaskBytes);
  Syscall(__NR_setsid);
  Syscall(__NR_chdir, "/");
  const int moves[][2] = {{start.null, 0}, {start.null, 1}, {start.null, 2}, {start.socket, kSocketFd}, {start.host, kHostFd}};
  for (const auto& move : moves) {
    const long result = Syscall(__NR_dup3, move[0], move[1], 0);
    if (IsError(result)) return Give(start, "dup3", result);
  }
  const long closed = Syscall(__NR_close_range, kHostFd + 1, ~0U, 0);
  if (IsError(closed)) return Give(start, "close_range", closed);
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSigmaskBytes);
  const char* const arguments[] = {"moat", "__spawner", nullptr};
  const char* const environment[] = {nullptr};
  return Give(start, "execve", Syscall(__NR_execve, start.program, arguments, environment));
}

// The process in between. It shares our descriptors, so that the pidfd is ours.
MOAT_PLAIN int InBetween(void* argument) {
  Start& start = *static_cast<Start*>(argument);
  const int pid = clone(Become, start.stack_top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD, &start, &start.pidfd);
  if (pid < 0) return Give(start, "clone", -errno);
  start.pid = pid;
  if (start.error_number != 0) Syscall(__NR_wait4, pid, nullptr, __WALL, nullptr);
  return 0;
}

// Above those that the helper gets, so that no move overwrites one that is still to be moved.
Result<sys::Fd> Above(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, kHostFd + 1);
  if (copy < 0) return SystemError("fcntl", errno, "F_DUPFD_CLOEXEC");
  return sys::Fd(copy);
}

Error StartError(const Start& start) {
  Error error = SystemError(start.call, start.error_number, start.program);
  if (start.error_number == ENOENT || start.error_number == EACCES) error.fix = "is moat installed completely?";
  return error;
}

}  // namespace

Result<Process> StartProcess(const std::string& program, const sys::Fd& socket, const sys::Fd& host) {
  const sys::Fd opened = MOAT_TRY(sys::open("/dev/null", O_RDWR));
  const sys::Fd null = MOAT_TRY(Above(opened.get()));
  const sys::Fd high_socket = MOAT_TRY(Above(socket.get()));
  const sys::Fd high_host = MOAT_TRY(Above(host.get()));
  const std::unique_ptr<unsigned char[]> stacks(new unsigned char[2 * kStack]);
  const auto top = [&](int i) { return stacks.get() + static_cast<std::size_t>(i) * kStack - 64; };
  Start start{};
  start.program = program.c_str();
  start.null = null.get();
  start.socket = high_socket.get();
  start.host = high_host.get();
  start.stack_top = top(2);
  // No handler of ours may run over there; sigprocmask of libc would keep its own two open.
  const unsigned long all = ~0UL;
  unsigned long before = 0;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, kSigmaskBytes);
  // An exit signal of 0 and no exec: its end is silent, and only __WALL sees it.
  const int between = clone(InBetween, top(1), CLONE_VM | CLONE_VFORK | CLONE_FILES, &start);
  const int clone_error = errno;
  if (between > 0) {
    while (Syscall(__NR_wait4, between, nullptr, __WALL, nullptr) == -EINTR) {
    }
  }
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kSigmaskBytes);
  if (between < 0) return SystemError("clone", clone_error, program);
  Process process{sys::Pidfd(start.pidfd), start.pid};
  if (start.error_number != 0) return StartError(start);
  return process;
}

}  // namespace moat::api
