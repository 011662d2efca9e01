#include "api/start_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "api/protocol.h"
#include "sys/calls.h"
#include "uapi/kernel.h"
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
// An exit signal of 0 and no exec: the end is silent, and only __WALL sees it.
constexpr std::uint64_t kVfork = uapi::kCloneVm | uapi::kCloneVfork;
constexpr std::uint64_t kCloneFiles = 0x400;

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

// clone(2) onto a stack of its own. Not libc's: a sanitizer takes hold of that, believes that
// there was a fork, and changes its state, which is still this process' too.
MOAT_PLAIN long Clone(std::uint64_t flags, unsigned char* stack_top, int* pidfd, void (*function)(void*), void* argument) {
#if defined(__x86_64__)
  long result;
  register std::uint64_t unused_tid __asm__("r10") = 0;
  register std::uint64_t unused_tls __asm__("r8") = 0;
  register void (*entry)(void*) __asm__("rbx") = function;
  register void* value __asm__("r12") = argument;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 2f\n\t"
      "xor %%ebp, %%ebp\n\t"  // stack traces end here
      "mov %%r12, %%rdi\n\t"
      "call *%%rbx\n\t"
      "ud2\n"
      "2:"
      : "=a"(result)
      : "a"(__NR_clone), "D"(flags), "S"(stack_top), "d"(pidfd), "r"(unused_tid), "r"(unused_tls), "r"(entry), "r"(value)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register std::uint64_t number __asm__("x8") = __NR_clone;
  register std::uint64_t x0 __asm__("x0") = flags;
  register unsigned char* x1 __asm__("x1") = stack_top;
  register int* x2 __asm__("x2") = pidfd;
  register std::uint64_t x3 __asm__("x3") = 0;
  register std::uint64_t x4 __asm__("x4") = 0;
  register void (*entry)(void*) __asm__("x19") = function;
  register void* value __asm__("x20") = argument;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 2f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "brk #1\n"
      "2:"
      : "+r"(x0)
      : "r"(number), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(entry), "r"(value)
      : "x30", "memory", "cc");
  return static_cast<long>(x0);
#endif
}

[[noreturn]] MOAT_PLAIN void Exit(int code) {
  for (;;) Syscall(__NR_exit_group, code);
}

[[noreturn]] MOAT_PLAIN void Fail(Start& start, const char* call, long result) {
  start.call = call;
  start.error_number = static_cast<int>(-result);
  Exit(1);
}

// The process that becomes the helper. Its descriptors are a copy, its memory is not.
MOAT_PLAIN void Become(void* argument) {
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
    if (IsError(result)) Fail(start, "dup3", result);
  }
  const long closed = Syscall(__NR_close_range, kHostFd + 1, ~0U, 0);
  if (IsError(closed)) Fail(start, "close_range", closed);
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSigmaskBytes);
  const char* const arguments[] = {"moat", "__spawner", nullptr};
  const char* const environment[] = {nullptr};
  Fail(start, "execve", Syscall(__NR_execve, start.program, arguments, environment));
}

// The process in between. It shares our descriptors, so that the pidfd is ours.
MOAT_PLAIN void InBetween(void* argument) {
  Start& start = *static_cast<Start*>(argument);
  const long pid = Clone(kVfork | uapi::kClonePidfd, start.stack_top, &start.pidfd, Become, &start);
  if (IsError(pid)) Fail(start, "clone", pid);
  start.pid = static_cast<int>(pid);
  if (start.error_number != 0) Syscall(__NR_wait4, pid, nullptr, __WALL, nullptr);
  Exit(0);
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
  const auto top = [&](int i) { return stacks.get() + static_cast<std::size_t>(i) * kStack; };  // new[] aligns to 16
  Start start{};
  start.program = program.c_str();
  start.null = null.get();
  start.socket = high_socket.get();
  start.host = high_host.get();
  start.stack_top = top(2);
  // No handler of ours may run over there; libc's sigprocmask would leave its own two signals out.
  const unsigned long all = ~0UL;
  unsigned long before = 0;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, kSigmaskBytes);
  const long between = Clone(kVfork | kCloneFiles, top(1), nullptr, InBetween, &start);
  if (!IsError(between)) {
    while (Syscall(__NR_wait4, between, nullptr, __WALL, nullptr) == -EINTR) {
    }
  }
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kSigmaskBytes);
  if (IsError(between)) return SystemError("clone", static_cast<int>(-between), program);
  Process process{sys::Pidfd(start.pidfd), start.pid};
  if (start.error_number != 0) return StartError(start);
  return process;
}

}  // namespace moat::api
