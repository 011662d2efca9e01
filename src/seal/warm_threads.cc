// What a thread's own heap looks up at its first use, made to be looked up before the seal.
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "moat/seal.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#pragma weak mallinfo2  // the archive for musl is made of the same objects
#endif

namespace moat {
namespace {

// Below every threshold from which on malloc maps a piece by itself, so that the pieces lie in the heap.
constexpr std::size_t kPiece = 100 * 1024;

// What all heaps of glibc have from the system, in bytes. 0: this is another allocator, or an old glibc. No
// system call answers it, so it can be asked in any jail.
std::size_t TakenFromSystem() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  return mallinfo2 != nullptr ? mallinfo2().arena : 0;
#else
  return 0;
#endif
}

// glibc asks /proc/sys/vm/overcommit_memory when the heap of a thread, which is none of brk's, first
// becomes smaller (malloc/arena.c). It does so when more than a threshold is free at its end, and the
// threshold follows the sizes that the program has freed (mallopt(3), M_MMAP_THRESHOLD). So ever more
// is taken and given back, untouched but for malloc's own words, until the heap is seen to become smaller.
void* Shrink(void*) {
  static constexpr std::array<std::size_t, 3> kSteps = {8, 64, 512};
  std::array<void*, kSteps.back()> pieces{};
  for (const std::size_t step : kSteps) {
    std::size_t taken = 0;
    while (taken < step && (pieces[taken] = malloc(kPiece)) != nullptr) ++taken;
    const std::size_t most = TakenFromSystem();
    while (taken > 0) free(pieces[--taken]);
    if (most == 0 || TakenFromSystem() < most) return nullptr;
  }
  return nullptr;
}

}  // namespace

void SealWarmThreads() {
  const int kept = errno;
  pthread_t thread;
  if (pthread_create(&thread, nullptr, Shrink, nullptr) == 0) (void)pthread_join(thread, nullptr);
  errno = kept;
}

}  // namespace moat
