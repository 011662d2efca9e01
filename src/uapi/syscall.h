// One system call by inline assembly: no libc, no errno, no cancellation point. Returns what
// the kernel returns: a value, or -errno in [-4095, -1]. syscall(2).
#pragma once

#include <asm/unistd.h>  // __NR_*

#include <cstdint>

namespace moat::uapi {

using Word = std::uint64_t;

#if defined(__x86_64__)
inline long Syscall6(long number, Word a, Word b, Word c, Word d, Word e, Word f) {
  long result;
  register Word r10 __asm__("r10") = d;
  register Word r8 __asm__("r8") = e;
  register Word r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long Syscall6(long number, Word a, Word b, Word c, Word d, Word e, Word f) {
  register Word x8 __asm__("x8") = static_cast<Word>(number);
  register Word x0 __asm__("x0") = a;
  register Word x1 __asm__("x1") = b;
  register Word x2 __asm__("x2") = c;
  register Word x3 __asm__("x3") = d;
  register Word x4 __asm__("x4") = e;
  register Word x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return static_cast<long>(x0);
}
#else
#error "moat knows x86_64 and aarch64"
#endif

// Signed values are sign-extended, unsigned ones are not: what the kernel's ABI expects.
inline Word ToWord(int value) { return static_cast<Word>(static_cast<long>(value)); }
inline Word ToWord(long value) { return static_cast<Word>(value); }
inline Word ToWord(unsigned value) { return value; }
inline Word ToWord(unsigned long value) { return value; }
inline Word ToWord(unsigned long long value) { return value; }
inline Word ToWord(decltype(nullptr)) { return 0; }
template <typename T>
inline Word ToWord(T* pointer) {
  return reinterpret_cast<Word>(pointer);
}

template <typename... Args>
inline long Syscall(long number, Args... args) {
  Word words[6] = {ToWord(args)...};
  return Syscall6(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
inline long Syscall(long number) { return Syscall6(number, 0, 0, 0, 0, 0, 0); }

// A call that carries, in the sixth argument register, the number by which a filter knows who may make it. The
// number is loaded from its one place in memory by the instruction before the call and is gone from the register
// behind it, in a child as well: it is never on a stack. Five words: the sixth is taken.
#if defined(__x86_64__)
inline long NumberedSyscall(const Word* number_at, long number, const Word* words) {
  long result;
  register Word r10 __asm__("r10") = words[3];
  register Word r8 __asm__("r8") = words[4];
  __asm__ volatile(
      "movq (%[at]), %%r9\n\t"
      "syscall\n\t"
      "xorl %%r9d, %%r9d"
      : "=a"(result)
      : "a"(number), "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(r10), "r"(r8), [at] "r"(number_at)
      : "rcx", "r9", "r11", "memory", "cc");
  return result;
}
#elif defined(__aarch64__)
inline long NumberedSyscall(const Word* number_at, long number, const Word* words) {
  register Word x8 __asm__("x8") = static_cast<Word>(number);
  register Word x0 __asm__("x0") = words[0];
  register Word x1 __asm__("x1") = words[1];
  register Word x2 __asm__("x2") = words[2];
  register Word x3 __asm__("x3") = words[3];
  register Word x4 __asm__("x4") = words[4];
  __asm__ volatile(
      "ldr x5, [%[at]]\n\t"
      "svc #0\n\t"
      "mov x5, xzr"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [at] "r"(number_at)
      : "x5", "memory");
  return static_cast<long>(x0);
}
#endif

inline bool IsError(long result) { return result < 0 && result >= -4095; }

}  // namespace moat::uapi
