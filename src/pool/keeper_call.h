// System calls of a keeper: with its number in the register that the filter looks at (ADR 8). The
// number is loaded from its one place in memory by the instruction before the call and is gone
// from the register behind it, in a child as well: it is never on a stack.
#pragma once

#include <cstdint>

#include "uapi/syscall.h"

namespace moat::pool {

namespace internal {
extern std::uint64_t g_keeper_number __attribute__((visibility("hidden")));
}

// At most five arguments: the sixth is taken.
template <typename... Args>
inline long KeeperCall(long number, Args... args) {
  static_assert(sizeof...(args) <= 5);
  const uapi::Word words[6] = {uapi::ToWord(args)...};
#if defined(__x86_64__)
  long result;
  register uapi::Word r10 __asm__("r10") = words[3];
  register uapi::Word r8 __asm__("r8") = words[4];
  __asm__ volatile(
      "movq %[number], %%r9\n\t"
      "syscall\n\t"
      "xorl %%r9d, %%r9d"
      : "=a"(result)
      : "a"(number), "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(r10), "r"(r8),
        [number] "m"(internal::g_keeper_number)
      : "rcx", "r9", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register uapi::Word x8 __asm__("x8") = static_cast<uapi::Word>(number);
  register uapi::Word x0 __asm__("x0") = words[0];
  register uapi::Word x1 __asm__("x1") = words[1];
  register uapi::Word x2 __asm__("x2") = words[2];
  register uapi::Word x3 __asm__("x3") = words[3];
  register uapi::Word x4 __asm__("x4") = words[4];
  __asm__ volatile(
      "ldr x5, %[number]\n\t"
      "svc #0\n\t"
      "mov x5, xzr"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [number] "m"(internal::g_keeper_number)
      : "x5", "memory");
  return static_cast<long>(x0);
#endif
}

// Straight into its place.
bool DrawKeeperNumber();
// A worker's own copy of the page, ahead of time; the number stays where it is, and in no register.
void TouchKeeperNumber();
// In a worker, before it looks at anything of its job: from then on it is a job.
void ForgetKeeperNumber();

}  // namespace moat::pool
