// What a thread's own heap looks up at its first use, made to be looked up before the seal.
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "moat/seal.h"

namespace moat {
namespace {

// Below every threshold from which on malloc maps a piece by itself, so that the pieces lie in the heap.
constexpr std::size_t kPiece = 100 * 1024;

// Is anything left in the page at `address`? It is only asked about, never touched.
bool IsResident(std::uintptr_t address) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  unsigned char resident = 1;
  return mincore(reinterpret_cast<void*>(address / page * page), page, &resident) != 0 || (resident & 1) != 0;
}

// glibc asks /proc/sys/vm/overcommit_memory when the heap of a thread, which is none of brk's, first
// becomes smaller (malloc/arena.c). It does so when more than a threshold is free at its end, and the
// threshold follows the sizes that the program has freed (mallopt(3), M_MMAP_THRESHOLD). So ever more
// is taken, written at one place, and given back, until the end is seen to be gone.
void* Shrink(void*) {
  static constexpr std::array<std::size_t, 3> kSteps = {8, 64, 512};
  std::array<char*, kSteps.back()> pieces{};
  for (const std::size_t step : kSteps) {
    std::size_t taken = 0;
    while (taken < step && (pieces[taken] = static_cast<char*>(malloc(kPiece))) != nullptr) ++taken;
    if (taken == 0) return nullptr;
    char* const middle = pieces[taken - 1] + kPiece / 2;
    *static_cast<volatile char*>(middle) = 1;
    const auto address = reinterpret_cast<std::uintptr_t>(middle);
    while (taken > 0) free(pieces[--taken]);
    if (!IsResident(address)) return nullptr;
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
