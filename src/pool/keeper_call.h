// System calls of a keeper: with its number in the register that the filter looks at (ADR 8), and nowhere
// else but in its one place in memory (uapi::NumberedSyscall).
#pragma once

#include "uapi/syscall.h"

namespace moat::pool {

namespace internal {
extern uapi::Word g_keeper_number __attribute__((visibility("hidden")));
}

// At most five arguments: the sixth is taken.
template <typename... Args>
inline long KeeperCall(long number, Args... args) {
  static_assert(sizeof...(args) <= 5);
  const uapi::Word words[6] = {uapi::ToWord(args)...};
  return uapi::NumberedSyscall(&internal::g_keeper_number, number, words);
}

// Straight into its place.
bool DrawKeeperNumber();
// A worker's own copy of the page, ahead of time; the number stays where it is, and in no register.
void TouchKeeperNumber();
// In a worker, before it looks at anything of its job: from then on it is a job.
void ForgetKeeperNumber();

}  // namespace moat::pool
