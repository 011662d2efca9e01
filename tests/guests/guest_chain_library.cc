// The part of the chain that lies in a library.
#include "guests/guest_chain.h"

extern "C" __attribute__((noinline)) long ChainInLibrary(ChainEnd end, long number) {
  const long result = end(number);
  __asm__ volatile("" ::: "memory");  // no tail call
  return result + 1;
}
