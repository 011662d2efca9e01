#include "pool/keeper_call.h"

#include "pool/worker_filter.h"

namespace moat::pool {

namespace internal {
// A page of its own: what a worker overwrites, it has a copy of, and nothing beside it is copied.
alignas(4096) std::uint64_t g_keeper_number = 0;
}

bool DrawKeeperNumber() {
  for (int tries = 0; tries < 8; ++tries) {
    const long got = uapi::Syscall(__NR_getrandom, &internal::g_keeper_number, sizeof(internal::g_keeper_number), 0);
    if (got != static_cast<long>(sizeof(internal::g_keeper_number))) continue;
    // Half of the place in the filter would be taken for it.
    const std::uint64_t number = internal::g_keeper_number;
    if (static_cast<std::uint32_t>(number) != static_cast<std::uint32_t>(kNoncePlace >> 32) && number >> 32 != 0) return true;
  }
  return false;
}

void TouchKeeperNumber() {
#if defined(__x86_64__)
  __asm__ volatile("lock; addq $0, %0" : "+m"(internal::g_keeper_number) : : "cc");
#endif
}

void ForgetKeeperNumber() {
  *const_cast<volatile std::uint64_t*>(&internal::g_keeper_number) = 0;
  __asm__ volatile("" : : : "memory");
}

}  // namespace moat::pool
