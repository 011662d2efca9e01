// SHA-256 by the SHA extensions of x86-64. The vectors are the compiler's own: no header.
#include "base/sha256_blocks.h"

#include <cstring>

namespace moat::base {

#if defined(__x86_64__)

namespace {

typedef std::uint32_t Lanes __attribute__((vector_size(16)));
typedef int SignedLanes __attribute__((vector_size(16)));
typedef std::uint8_t Bytes __attribute__((vector_size(16)));

#define MOAT_SHA_TARGET __attribute__((target("sha,sse4.1")))

MOAT_SHA_TARGET inline Lanes TwoRounds(Lanes cdgh, Lanes abef, Lanes words) {
  return (Lanes)__builtin_ia32_sha256rnds2((SignedLanes)cdgh, (SignedLanes)abef, (SignedLanes)words);
}

MOAT_SHA_TARGET inline Lanes LoadWords(const void* from) {
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof(bytes));
  return (Lanes)__builtin_shufflevector(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

// The next four words of the message, from the sixteen before them.
MOAT_SHA_TARGET inline Lanes Schedule(Lanes w0, Lanes w4, Lanes w8, Lanes w12) {
  const Lanes sum = (Lanes)__builtin_ia32_sha256msg1((SignedLanes)w0, (SignedLanes)w4) +
                    __builtin_shufflevector(w8, w12, 1, 2, 3, 4);
  return (Lanes)__builtin_ia32_sha256msg2((SignedLanes)sum, (SignedLanes)w12);
}

bool AskProcessor() {
  std::uint32_t a = 0, b, c = 0, d;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if (a < 7) return false;
  a = 7, c = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (b >> 29 & 1) != 0;  // whoever has these has SSE4.1
}

}  // namespace

// The builtins and not <atomic>, which core code cannot have: it wants glibc's threads.
bool HasShaInstructions() {
  enum Answer : signed char { kUnknown, kNo, kYes };
  static signed char answer = kUnknown;
  signed char known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
  if (known == kUnknown) {
    known = AskProcessor() ? kYes : kNo;  // twice by two threads: the same answer
    __atomic_store_n(&answer, known, __ATOMIC_RELAXED);
  }
  return known == kYes;
}

// The instructions keep the state as (f e b a) and (h g d c), lowest lane first.
MOAT_SHA_TARGET void CompressFast(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
  Lanes abcd, efgh;
  std::memcpy(&abcd, &state[0], sizeof(abcd));
  std::memcpy(&efgh, &state[4], sizeof(efgh));
  Lanes abef = __builtin_shufflevector(abcd, efgh, 5, 4, 1, 0);
  Lanes cdgh = __builtin_shufflevector(abcd, efgh, 7, 6, 3, 2);
  for (; count != 0; --count, blocks += 64) {
    const Lanes abef_before = abef, cdgh_before = cdgh;
    Lanes w[4];
    for (unsigned i = 0; i < 4; ++i) w[i] = LoadWords(blocks + 16 * i);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; ++i) {
      Lanes constants;
      std::memcpy(&constants, &kSha256Round[4 * i], sizeof(constants));
      const Lanes words = w[i % 4] + constants;
      cdgh = TwoRounds(cdgh, abef, words);
      abef = TwoRounds(abef, cdgh, __builtin_shufflevector(words, words, 2, 3, 2, 3));
      if (i < 12) w[i % 4] = Schedule(w[i % 4], w[(i + 1) % 4], w[(i + 2) % 4], w[(i + 3) % 4]);
    }
    abef += abef_before;
    cdgh += cdgh_before;
  }
  abcd = __builtin_shufflevector(abef, cdgh, 3, 2, 7, 6);
  efgh = __builtin_shufflevector(abef, cdgh, 1, 0, 5, 4);
  std::memcpy(&state[0], &abcd, sizeof(abcd));
  std::memcpy(&state[4], &efgh, sizeof(efgh));
}

#else

bool HasShaInstructions() { return false; }
void CompressFast(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
  CompressPlain(state, blocks, count);
}

#endif

}  // namespace moat::base
