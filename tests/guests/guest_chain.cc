// Makes a system call at the end of a known chain of calls: guest_chain NUMBER plain|thread|smashed.
#include "guests/guest_chain.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long number;

extern "C" {

// Return addresses that are left on the stack, where others will lie over them without writing.
__attribute__((noinline)) long ChainLitter(int depth) {
  const long result = depth == 0 ? 0 : ChainLitter(depth - 1);
  __asm__ volatile("" ::: "memory");
  return result + 1;
}

__attribute__((noinline)) long ChainInner(long call) {
  char never_written[2048];
  __asm__ volatile("" : : "r"(never_written) : "memory");
  const long result = syscall(call, 0, 0, 0, 0, 0);
  __asm__ volatile("" ::: "memory");
  return result + 1;
}

__attribute__((noinline)) long ChainOuter(long call) {
  ChainLitter(40);
  const long result = ChainInLibrary(ChainInner, call);
  __asm__ volatile("" ::: "memory");
  return result + 1;
}

// Where it came from is gone when it calls: as after an overflow.
__attribute__((noinline, noreturn)) void ChainSmashed() {
  char here[64];
  volatile char* byte = here;
  for (int i = 0; i < 320; ++i) byte[i] = static_cast<char>(0x41 + i % 7);
#if defined(__x86_64__)
  long result = 0;
  __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory");
  __asm__ volatile("syscall" : : "a"(231), "D"(0) : "memory");
#endif
  __builtin_trap();
}
}

static void* InThread(void*) {
  ChainOuter(number);
  return nullptr;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  number = atol(argv[1]);
  if (strcmp(argv[2], "smashed") == 0) ChainSmashed();
  if (strcmp(argv[2], "plain") == 0) return ChainOuter(number) == 0 ? 3 : 0;
  pthread_t thread;
  if (pthread_create(&thread, nullptr, InThread, nullptr) != 0) return 4;
  pthread_join(thread, nullptr);
  return 0;
}
