// The kernel itself takes a compiled program and decides as it says. One filter, installed
// once, in one forked child: installing filters in a loop can stop a kernel's BPF for good.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "bpf/filter.h"

namespace moat::bpf {
namespace {

Rule MakeRule(long number, std::vector<Condition> all_of, Action action) {
  Rule rule;
  rule.number = static_cast<std::uint32_t>(number);
  rule.all_of = std::move(all_of);
  rule.action = action;
  return rule;
}

FilterSpec LiveFilter() {
  FilterSpec spec;
  spec.abi = NativeAbi();
  spec.default_action = Allow();
  spec.unknown_action = Errno(ENOSYS);
  spec.foreign_action = KillProcess();
  spec.rules = {
      MakeRule(SYS_getppid, {}, Errno(EXDEV)),
      MakeRule(SYS_sync, {}, KillProcess()),
      MakeRule(SYS_fcntl, {{1, Compare::kEqual, F_GETFL, ~0ULL}}, Errno(EXDEV)),
      MakeRule(SYS_dup3, {{0, Compare::kLess, 0, ~0ULL}}, Errno(EDOM)),
      MakeRule(SYS_munmap, {{1, Compare::kGreater, 1ULL << 40, ~0ULL}}, Errno(EXDEV)),
      MakeRule(SYS_madvise, {{0, Compare::kMaskedNotEqual, 0, 0xfff}}, Errno(EXDEV)),
  };
  return spec;
}

bool Fails(long result, int error) { return result == -1 && errno == error; }

// True when a process under the filter dies of SIGSYS in `body`.
template <typename Body>
bool Killed(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

// Runs in the child: 0, or the number of the first check that failed.
int CheckVerdicts() {
  constexpr long kUpper = 0x100000000;
  if (!Fails(syscall(SYS_getppid), EXDEV)) return 1;
  if (syscall(SYS_getpid) <= 0) return 2;
  if (!Fails(syscall(SYS_fcntl, 0, F_GETFL), EXDEV)) return 3;
  if (!Fails(syscall(SYS_fcntl, 0, F_GETFL | kUpper), EXDEV)) return 4;  // the kernel drops it too
  if (syscall(SYS_fcntl, 0, F_GETFD) == -1) return 5;
  if (!Fails(syscall(SYS_dup3, -1, 9, 0), EDOM)) return 6;
  if (!Fails(syscall(SYS_dup3, 0, 0, 0), EINVAL)) return 7;  // reaches the kernel
  if (!Fails(syscall(SYS_munmap, 0, (1L << 40) + 1), EXDEV)) return 8;
  if (!Fails(syscall(SYS_munmap, 1, 1L << 40), EINVAL)) return 9;
  if (!Fails(syscall(SYS_madvise, 0x1001, 0, 0), EXDEV)) return 10;
  if (!Fails(syscall(SYS_madvise, 0, 0, 12345), EINVAL)) return 11;
  if (!Fails(syscall(5000), ENOSYS)) return 12;
  if (!Fails(syscall(-1), ENOSYS)) return 13;
  if (!Killed([] { syscall(SYS_sync); })) return 14;
#if defined(__x86_64__)
  if (!Killed([] { syscall(SYS_getpid | 0x40000000); })) return 15;
  if (!Killed([] {
        long result = 20;  // getpid of i386
        asm volatile("int $0x80" : "+a"(result) : : "memory");
      })) {
    return 16;
  }
#endif
  return 0;
}

int Child(const Program& program) {
  sock_fprog installed{};
  installed.len = static_cast<unsigned short>(program.code.size());
  installed.filter = const_cast<sock_filter*>(program.code.data());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 100;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &installed) != 0) return 101;
  return CheckVerdicts();
}

TEST(Kernel, TakesTheProgramAndDecidesAsItSays) {
  const auto program = Compile(LiveFilter());
  ASSERT_TRUE(program.ok()) << program.error().ToString();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(Child(*program));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0) << "number of the check that failed";
}

}  // namespace
}  // namespace moat::bpf
