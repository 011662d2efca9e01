// System calls of ours. Where the filter was installed before (ADR 12) each carries the number by which
// that filter knows it, in the sixth argument register: no call of ours uses it. The number is loaded from
// its one place in memory by the instruction before the call and is gone from the register behind it: it is
// never on a stack.
#pragma once

#include "uapi/syscall.h"

namespace moat::child {

// In a page of its own that every process has a copy of.
struct Numbers {
  uapi::Word now;    // that calls carry
  uapi::Word later;  // that they carry from the last gate on, beside the guest: it opens next to nothing
  uapi::Word exec;   // of the jails' own execs (ADR 1)
};

class Caller {
 public:
  Caller() = default;  // no filter, no number
  explicit Caller(Numbers* numbers) : numbers_(numbers) {}

  // At most five arguments: the sixth is taken.
  template <typename... Args>
  long operator()(long number, Args... args) const {
    static_assert(sizeof...(args) <= 5);
    const uapi::Word words[6] = {uapi::ToWord(args)...};
    return Words(number, words);
  }
  // The sixth of the words is passed on where there is no number.
  long Words(long number, const uapi::Word* words) const {
    if (numbers_ == nullptr) return uapi::Syscall6(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    return Numbered(number, words);
  }
  bool numbered() const { return numbers_ != nullptr; }
  Numbers* numbers() const { return numbers_; }
  // From here on this memory has the lesser number alone.
  void ForgetSetUp() const {
    if (numbers_ == nullptr) return;
    *const_cast<volatile uapi::Word*>(&numbers_->now) = numbers_->later;
    *const_cast<volatile uapi::Word*>(&numbers_->exec) = 0;
  }

 private:
  long Numbered(long number, const uapi::Word* words) const {
#if defined(__x86_64__)
    long result;
    register uapi::Word r10 __asm__("r10") = words[3];
    register uapi::Word r8 __asm__("r8") = words[4];
    __asm__ volatile(
        "movq (%[at]), %%r9\n\t"
        "syscall\n\t"
        "xorl %%r9d, %%r9d"
        : "=a"(result)
        : "a"(number), "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(r10), "r"(r8), [at] "r"(&numbers_->now)
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
        "ldr x5, [%[at]]\n\t"
        "svc #0\n\t"
        "mov x5, xzr"
        : "+r"(x0)
        : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [at] "r"(&numbers_->now)
        : "x5", "memory");
    return static_cast<long>(x0);
#endif
  }

  Numbers* numbers_ = nullptr;
};

}  // namespace moat::child
