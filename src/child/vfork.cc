#include "child/vfork.h"

#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::child {

long Vfork(const Caller& call, unsigned char* stack_top, void (*function)(void*), void* argument, Parent parent,
           std::uint32_t* is_here) {
  constexpr unsigned long kSigchld = 17, kCloneChildCleartid = 0x200000;
  const unsigned long waits = parent == Parent::kWaits ? uapi::kCloneVfork : 0;
  const unsigned long tells = is_here != nullptr ? kCloneChildCleartid : 0;
  const unsigned long flags = uapi::kCloneVm | uapi::kCloneFiles | kSigchld | waits | tells;
#if defined(__x86_64__)
  long result;
  register std::uint32_t* r10 __asm__("r10") = is_here;
  register unsigned long r8 __asm__("r8") = 0;
  register void (*entry)(void*) __asm__("r12") = function;
  register void* value __asm__("r13") = argument;
  uapi::Word none = 0;
  const uapi::Word* at = call.numbered() ? &call.numbers()->now : &none;
  __asm__ volatile(
      "movq (%[at]), %%r9\n\t"
      "syscall\n\t"
      "xorl %%r9d, %%r9d\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(__NR_clone), "D"(flags), "S"(stack_top), "d"(0UL), "r"(r10), "r"(r8), "r"(entry), "r"(value), [at] "r"(at)
      : "rcx", "r9", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register unsigned long x8 __asm__("x8") = __NR_clone;
  register unsigned long x0 __asm__("x0") = flags;
  register unsigned char* x1 __asm__("x1") = stack_top;
  register unsigned long x2 __asm__("x2") = 0;
  register unsigned long x3 __asm__("x3") = 0;
  register std::uint32_t* x4 __asm__("x4") = is_here;
  register void (*entry)(void*) __asm__("x19") = function;
  register void* value __asm__("x20") = argument;
  uapi::Word none = 0;
  const uapi::Word* at = call.numbered() ? &call.numbers()->now : &none;
  __asm__ volatile(
      "ldr x5, [%[at]]\n\t"
      "svc 0\n\t"
      "mov x5, xzr\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x20\n\t"
      "blr x19\n\t"
      "brk 1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(entry), "r"(value), [at] "r"(at)
      : "memory", "x5", "x30");
  return static_cast<long>(x0);
#endif
}

}  // namespace moat::child
