// Ways around the system call filter, and calls that would weaken it.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

#if defined(__x86_64__)
long Gate32(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "r8", "r9", "r10", "r11", "memory");
  return result;
}
Verdict Gate(long result, const char* what) {
  // Without IA32 emulation the instruction is a SIGSEGV; a filter's answer can only be an errno.
  if (result >= 0) return Open("%s through int 0x80: worked (%ld)", what, result);
  const int error = static_cast<int>(-result);
  return error == EPERM || error == ENOSYS ? Closed("%s: %s", what, strerror(error)) : Open("%s: reached: %s", what, strerror(error));
}
Verdict Int80Getpid() { return Gate(Gate32(20, 0, 0, 0), "getpid"); }
Verdict Int80Socket() { return Gate(Gate32(359, AF_UNIX, SOCK_STREAM, 0), "socket"); }
Verdict Int80Socketcall() { return Gate(Gate32(102, 1, 0, 0), "socketcall"); }
Verdict Int80Ipc() { return Gate(Gate32(117, 23, 0, 0), "ipc"); }
Verdict Int80Mount() { return Gate(Gate32(21, 0, 0, 0), "mount"); }
Verdict X32() { return Failed(syscall(0x40000000 | SYS_getpid), "getpid with the x32 bit"); }
#endif

// The kernel reads an int, so the upper half of the register must not decide.
Verdict HighBits() { return Failed(syscall(SYS_socket, (1UL << 32) | AF_INET, SOCK_STREAM, 0), "socket(AF_INET) with high bits"); }
Verdict PrctlHighBits() {
  return Turned(syscall(SYS_prctl, (1UL << 32) | PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0), "prctl(PR_SET_SECCOMP) with high bits");
}

Verdict NoFilter() {
  const long mode = StatusNumber("Seccomp", 10);
  return mode == 2 ? Closed("a filter is installed") : Open("seccomp mode %ld", mode);
}

// Never a valid program: the control must not leave a filter behind either.
Verdict InstallFilter() {
  return Turned(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, nullptr), "seccomp(SET_MODE_FILTER)");
}
Verdict InstallListener() {
  return Turned(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, nullptr), "seccomp(NEW_LISTENER)");
}
Verdict PrctlFilter() { return Turned(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0), "prctl(PR_SET_SECCOMP)"); }

Verdict IoUring() {
  char parameters[120] = {};
  return Turned(syscall(425, 4, parameters), "io_uring_setup");
}
Verdict IoUringEnter() { return Turned(syscall(426, -1, 0, 0, 0, 0, 0), "io_uring_enter"); }
Verdict IoUringRegister() { return Turned(syscall(427, -1, 0, 0, 0), "io_uring_register"); }

Verdict NoRandomization() { return Turned(personality(ADDR_NO_RANDOMIZE), "personality(ADDR_NO_RANDOMIZE)"); }
Verdict ReadImpliesExec() { return Turned(personality(READ_IMPLIES_EXEC), "personality(READ_IMPLIES_EXEC)"); }

Verdict TraceMe() { return Turned(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), "ptrace(TRACEME)"); }
Verdict TraceInit() {
  if (Outside()) return Turned(ptrace(PTRACE_SEIZE, CanaryNumber("pid"), nullptr, nullptr), "ptrace(SEIZE)");
  return Turned(ptrace(PTRACE_SEIZE, InitOrSelf() == 1 ? 1 : CanaryNumber("pid"), nullptr, nullptr), "ptrace(SEIZE, 1)");
}

Verdict ReadMemory() {
  char from = 'x', to = 0;
  struct iovec source = {&from, 1}, target = {&to, 1};
  return Turned(process_vm_readv(getpid(), &target, 1, &source, 1, 0), "process_vm_readv");
}
Verdict WriteMemory() {
  char from = 'x', to = 0;
  struct iovec source = {&from, 1}, target = {&to, 1};
  return Turned(process_vm_writev(getpid(), &source, 1, &target, 1, 0), "process_vm_writev");
}
Verdict StealDescriptor() {
  const long self = syscall(SYS_pidfd_open, getpid(), 0);
  return Turned(syscall(SYS_pidfd_getfd, self, 1, 0), "pidfd_getfd");
}
Verdict ModifyLdt() {
  char table[64] = {};
  return Turned(syscall(SYS_modify_ldt, 0, table, sizeof(table)), "modify_ldt");
}

constexpr Probe kProbes[] = {
#if defined(__x86_64__)
    {"int80-getpid", Int80Getpid},
    {"int80-socket", Int80Socket},
    {"int80-socketcall", Int80Socketcall},
    {"int80-ipc", Int80Ipc},
    {"int80-mount", Int80Mount},
    {"x32", X32},
#endif
    {"high-bits", HighBits},
    {"prctl-high-bits", PrctlHighBits},
    {"no-filter", NoFilter},
    {"own-filter", InstallFilter},
    {"own-listener", InstallListener},
    {"own-filter-prctl", PrctlFilter},
    {"io-uring-setup", IoUring},
    {"io-uring-enter", IoUringEnter},
    {"io-uring-register", IoUringRegister},
    {"no-randomization", NoRandomization},
    {"read-implies-exec", ReadImpliesExec},
    {"ptrace-me", TraceMe},
    {"ptrace-other", TraceInit},
    {"process-vm-readv", ReadMemory},
    {"process-vm-writev", WriteMemory},
    {"pidfd-getfd", StealDescriptor},
    {"modify-ldt", ModifyLdt},
};

}  // namespace

Probes FilterProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
