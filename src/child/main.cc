// pid 1 of a job: sets the jail up, starts the program, forwards signals to it, reaps whatever
// is orphaned, tells how the program ended, and takes every other process with it.
#include "child/interpret.h"
#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr int kSigkill = 9, kSigchld = 17, kSigstop = 19, kSigcont = 18;
constexpr unsigned kSigmaskBytes = 8;
constexpr unsigned kStackBytes = 16 * 1024;
constexpr int kEchild = 10, kWnohang = 1, kWall = 0x40000000;
constexpr int kSignals = 64;

struct KernelSigaction {
  unsigned long handler, flags, restorer, mask;
};
struct KernelSiginfo {
  std::int32_t number;
  unsigned char rest[124];
};


[[noreturn]] void Exit(int code) {
  for (;;) Syscall(__NR_exit_group, code);
}

// The generic forms: clang takes no enumeration in __atomic_store_n.
void SetState(abi::Shared* shared, abi::ChildState state) { __atomic_store(&shared->state, &state, __ATOMIC_RELEASE); }
abi::ChildState StateOf(abi::Shared* shared) {
  abi::ChildState state;
  __atomic_load(&shared->state, &state, __ATOMIC_ACQUIRE);
  return state;
}

// The launcher may be waiting to be told.
void Fail(abi::Shared* shared, const Outcome& outcome) {
  shared->failed_op = outcome.failed_op;
  shared->failed_errno = outcome.error;
  SetState(shared, abi::ChildState::kFailed);
  Raise(&shared->told, ~0U);
}

Outcome RunPhase(const Memory& memory, abi::Phase phase) {
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  const auto p = static_cast<unsigned>(phase);
  return Interpret(memory.blob, memory.shared, header.phase_begin[p], header.phase_begin[p + 1]);
}

// CLONE_CLEAR_SIGHAND resets handlers but keeps what the caller of moat ignores; a guest
// must not inherit that (nohup, a daemon's SIGPIPE).
void ResetSignals() {
  const KernelSigaction standard{0, 0, 0, 0};
  for (int i = 1; i <= kSignals; ++i) {
    if (i != kSigkill && i != kSigstop) Syscall(__NR_rt_sigaction, i, &standard, nullptr, kSigmaskBytes);
  }
}

// /proc/1/cmdline is readable to everyone inside: the caller's command line, with the paths
// of the host in it, ends here. A byte stays: an empty one would read as a kernel thread.
void WipeCommandLine(unsigned char* blob, const abi::Header& header) {
  const auto& slots = *reinterpret_cast<const abi::Slots*>(blob + header.slots);
  volatile auto* bytes = reinterpret_cast<volatile unsigned char*>(slots.wipe);
  for (std::uint64_t i = 0; i < slots.wipe_size; ++i) bytes[i] = i == 0 ? '-' : 0;
}

// The process that becomes the program. It shares pid 1's memory until exec, so that a
// failure is told by a store, which no filter can deny (ADR 1).
void Program(void* argument) {
  const Memory& memory = *static_cast<const Memory*>(argument);
  Fail(memory.shared, RunPhase(memory, abi::Phase::kProgram));
  Exit(125);
}

// vfork semantics on a stack of its own: returns in pid 1 once the other has executed or ended.
long Vfork(unsigned char* stack_top, void (*function)(void*), void* argument) {
  const unsigned long flags = uapi::kCloneVm | uapi::kCloneVfork | kSigchld;
#if defined(__x86_64__)
  long result;
  register unsigned long r10 __asm__("r10") = 0;
  register unsigned long r8 __asm__("r8") = 0;
  register void (*entry)(void*) __asm__("r12") = function;
  register void* value __asm__("r13") = argument;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(__NR_clone), "D"(flags), "S"(stack_top), "d"(0UL), "r"(r10), "r"(r8), "r"(entry), "r"(value)
      : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register unsigned long x8 __asm__("x8") = __NR_clone;
  register unsigned long x0 __asm__("x0") = flags;
  register unsigned char* x1 __asm__("x1") = stack_top;
  register unsigned long x2 __asm__("x2") = 0;
  register unsigned long x3 __asm__("x3") = 0;
  register unsigned long x4 __asm__("x4") = 0;
  register void (*entry)(void*) __asm__("x19") = function;
  register void* value __asm__("x20") = argument;
  __asm__ volatile(
      "svc 0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "brk 1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(entry), "r"(value)
      : "memory", "x30");
  return static_cast<long>(x0);
#endif
}

// Reaps what has ended. True once the program itself is among it.
bool Reap(abi::Shared* shared, int program) {
  for (;;) {
    std::int32_t status = 0;
    const long pid = Syscall(__NR_wait4, -1, &status, kWnohang | kWall, nullptr);
    if (pid <= 0) return false;
    if (pid == program) {
      shared->status = status;
      SetState(shared, abi::ChildState::kDone);
      return true;
    }
  }
}

void Supervise(abi::Shared* shared, int program) {
  const unsigned long all = ~0UL;
  for (;;) {
    KernelSiginfo info{};
    const long number = Syscall(__NR_rt_sigtimedwait, &all, &info, nullptr, kSigmaskBytes);
    if (number == kSigchld) {
      if (Reap(shared, program)) return;
    } else if (!IsError(number) && number != kSigcont) {
      Syscall(__NR_kill, program, static_cast<int>(number));
    }
  }
}

// Reaping the rest here, rather than leaving it to the kernel, adds their times to ours. Whoever
// is in this namespace descends from pid 1: no child, nobody else.
void EndEveryone() {
  if (Syscall(__NR_wait4, -1, nullptr, kWnohang | kWall, nullptr) == -kEchild) return;
  Syscall(__NR_kill, -1, kSigkill);
  while (!IsError(Syscall(__NR_wait4, -1, nullptr, kWall, nullptr))) {
  }
}

void StopUnless(bool good, abi::Shared* shared, const Outcome& outcome) {
  if (good) return;
  Fail(shared, outcome);
  Exit(125);
}

}  // namespace

void Main(const Memory& memory) {
  abi::Shared* shared = memory.shared;
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  WipeCommandLine(memory.blob, header);
  ResetSignals();
  const Outcome born = RunPhase(memory, abi::Phase::kBirth);
  StopUnless(born.failed_op == abi::kNoOp, shared, born);
  const Outcome set_up = RunPhase(memory, abi::Phase::kSetup);
  StopUnless(set_up.failed_op == abi::kNoOp, shared, set_up);
  alignas(16) unsigned char stack[kStackBytes];
  Memory passed = memory;
  const long program = Vfork(stack + kStackBytes, Program, &passed);
  const abi::Index spawn = header.phase_begin[static_cast<unsigned>(abi::Phase::kProgram)] - 1;
  StopUnless(!IsError(program), shared, Outcome{spawn, static_cast<int>(-program)});
  if (StateOf(shared) == abi::ChildState::kFailed) Exit(125);
  // The program has its own copies. Here they would keep its pipes from ever ending. The plan is
  // the launcher's alone from now on.
  Syscall(__NR_close_range, 0, ~0U, 0);
  Syscall(__NR_munmap, memory.blob, memory.size);
  shared->program_pid = static_cast<std::int32_t>(program);
  SetState(shared, abi::ChildState::kRunning);
  Supervise(shared, static_cast<int>(program));
  EndEveryone();
  Exit(0);
}

}  // namespace moat::child
