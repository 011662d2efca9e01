#include <linux/seccomp.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/errno_name.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "seal/lock.h"
#include "uapi/syscall.h"

namespace moat::seal {
namespace {

using uapi::IsError;
using uapi::Syscall;

struct Attempt {
  const char* what;
  long number;
  std::uint64_t args[6];
  enum class Entry { kNative, kI386, kX32 } entry = Entry::kNative;
};

constexpr std::uint64_t kCwd = static_cast<std::uint64_t>(-100);

// Harmless where they get through: what reaches the kernel fails there, or ends with the copy.
std::vector<Attempt> Attempts(std::uint64_t page) {
  static const char kNowhere[] = "/nonexistent/moat";
  const auto path = reinterpret_cast<std::uint64_t>(kNowhere);
  const auto root = reinterpret_cast<std::uint64_t>("/");
  std::vector<Attempt> attempts = {
      {"open a file", __NR_openat, {kCwd, root, 0, 0}},
      {"make a socket", __NR_socket, {2, 1, 0}},
      {"start a process", __NR_clone, {0, 0, 0, 0, 0}},
      {"execute a program", __NR_execve, {path, 0, 0}},
      {"signal another process", __NR_kill, {1, 0}},
      {"trace", __NR_ptrace, {0, 0, 0, 0}},
      {"read another process' memory", __NR_process_vm_readv, {1, 0, 0, 0, 0, 0}},
      {"make memory executable", __NR_mprotect, {page, 4096, 7}},
      {"map executable memory", __NR_mmap, {0, 4096, 7, 0x22, ~0ULL, 0}},
      {"read a descriptor that was not declared", __NR_read, {1000000, page, 1}},
      {"write a descriptor that was not declared", __NR_write, {1000000, page, 1}},
      {"duplicate a descriptor", __NR_dup, {0}},
      {"set up an io_uring", __NR_io_uring_setup, {0, 0}},
      {"load a program into the kernel", __NR_bpf, {99, 0, 0}},
  };
#if defined(__x86_64__)
  attempts.push_back({"enter by i386", 20, {}, Attempt::Entry::kI386});
  attempts.push_back({"enter by x32", 0x40000000L | __NR_getpid, {}, Attempt::Entry::kX32});
#endif
  return attempts;
}

long Try(const Attempt& attempt) {
#if defined(__x86_64__)
  if (attempt.entry == Attempt::Entry::kI386) {
    long result = attempt.number;
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result;
  }
#endif
  const auto& a = attempt.args;
  return uapi::Syscall6(attempt.number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

struct KernelSigaction {
  std::uint64_t handler, flags, restorer, mask;
};

constexpr int kNotInstalled = 254, kWentThrough = 253;

// The copy. Only system calls from here on: other threads' locks were copied as they were.
[[noreturn]] void InCopy(std::span<const sock_filter> code, const Attempt& attempt) {
  const KernelSigaction by_default{};
  for (const int signal : {SIGSYS, SIGSEGV}) Syscall(__NR_rt_sigaction, signal, &by_default, nullptr, 8UL);
  sock_fprog program{};
  program.len = static_cast<unsigned short>(code.size());
  program.filter = const_cast<sock_filter*>(code.data());
  // No core file of a death that is wanted.
  Syscall(__NR_prctl, PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
  if (IsError(Syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L)) ||
      IsError(Syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))) {
    Syscall(__NR_exit_group, kNotInstalled);
  }
  const long result = Try(attempt);
  const int code_of_result = IsError(result) && -result < kWentThrough ? static_cast<int>(-result) : kWentThrough;
  for (;;) Syscall(__NR_exit_group, code_of_result);
}

// As the filter says, by our evaluator.
std::uint32_t Expected(std::span<const sock_filter> code, const Attempt& attempt) {
  seccomp_data data{};
  data.nr = static_cast<int>(attempt.number);
  data.arch = attempt.entry == Attempt::Entry::kI386 ? 0x40000003U : bpf::AuditArch(bpf::NativeAbi());
  for (int i = 0; i < 6; ++i) data.args[i] = attempt.args[i];
  return bpf::RunChecked(code, data).ret;
}

SealReport::Trial Judge(const Attempt& attempt, std::uint32_t expected, int status) {
  SealReport::Trial trial;
  trial.attempt = attempt.what;
  const std::uint32_t action = expected & SECCOMP_RET_ACTION_FULL;
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
  if (action == SECCOMP_RET_ALLOW) {
    trial.verdict = "allowed, as declared";
    trial.held = !killed;
  } else if (killed) {
    trial.verdict = "killed by SIGSYS";
    trial.held = action != SECCOMP_RET_ERRNO;
  } else if (attempt.entry == Attempt::Entry::kI386 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) {
    trial.verdict = "this kernel has no such entry";
    trial.held = true;
  } else if (WIFEXITED(status) && WEXITSTATUS(status) < kWentThrough && WEXITSTATUS(status) != 0) {
    const auto error = static_cast<std::uint32_t>(WEXITSTATUS(status));
    trial.verdict = std::string(base::ErrnoName(static_cast<int>(error)));
    trial.held = action == SECCOMP_RET_ERRNO && error == (expected & SECCOMP_RET_DATA);
  } else {
    trial.verdict = WIFEXITED(status) && WEXITSTATUS(status) == kNotInstalled ? "the copy could not be sealed" : "got through";
  }
  return trial;
}

}  // namespace

Status SelfTest(std::span<const sock_filter> code, SealReport& report) {
  alignas(16) char here = 0;
  const std::uint64_t page = reinterpret_cast<std::uint64_t>(&here) & ~4095ULL;
  std::string failed;
  for (const Attempt& attempt : Attempts(page)) {
    const std::uint32_t expected = Expected(code, attempt);
    // Without a signal for its end: the program's own handling of children sees nothing.
    const long pid = Syscall(__NR_clone, 0L, 0L, 0L, 0L, 0L);
    if (pid == 0) InCopy(code, attempt);
    if (IsError(pid)) return SystemError("clone", static_cast<int>(-pid), "the seal's self-test");
    int status = 0;
    long waited;
    do waited = Syscall(__NR_wait4, pid, &status, __WALL, nullptr);
    while (waited == -EINTR);
    if (IsError(waited)) return SystemError("wait4", static_cast<int>(-waited), "the seal's self-test");
    report.trials.push_back(Judge(attempt, expected, status));
    const SealReport::Trial& trial = report.trials.back();
    if (!trial.held) failed += (failed.empty() ? "" : ", ") + trial.attempt + " (" + trial.verdict + ")";
  }
  if (failed.empty()) return {};
  return HostError("the seal does not hold here: " + failed);
}

}  // namespace moat::seal
