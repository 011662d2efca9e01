#include "guests/guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace moat::guest {
namespace {

char scratch[65536];

// 12, 0x10, "text:hello" (its address), "zero" (address of zeroed memory).
long Argument(char* word) {
  if (strncmp(word, "text:", 5) == 0) return reinterpret_cast<long>(word + 5);
  if (strcmp(word, "zero") == 0) return reinterpret_cast<long>(scratch);
  return static_cast<long>(strtoull(word, nullptr, 0));
}

// call NR [ARG]...: one system call, as it is.
int Call(int argc, char** argv) {
  long args[6] = {};
  for (int i = 1; i < argc && i < 7; ++i) args[i - 1] = Argument(argv[i]);
  errno = 0;
  const long result = syscall(strtol(argv[0], nullptr, 0), args[0], args[1], args[2], args[3], args[4], args[5]);
  printf("{\"result\": %ld, \"errno\": %d}\n", result, result == -1 ? errno : 0);
  return 0;
}

// storm NR COUNT: the same call over and over; how often it failed.
int Storm(long number, long count) {
  long failed = 0;
  for (long i = 0; i < count; ++i) failed += syscall(number, 0, 0, 0) == -1 ? 1 : 0;
  printf("%ld failed\n", failed);
  return 0;
}

struct Shifting {
  char path[64];
  int stop;
};

void* Rewrite(void* shared) {
  auto* shifting = static_cast<Shifting*>(shared);
  while (__atomic_load_n(&shifting->stop, __ATOMIC_RELAXED) == 0) {
    for (const char* path : {"/aaaaaaaaaaaaaaaaaaaa", "/bbbbbbbbbbbbbbbbbbbb"}) {
      for (size_t i = 0; path[i] != '\0'; ++i) const_cast<volatile char*>(shifting->path)[i] = path[i];
    }
  }
  return nullptr;
}

// shifting NR COUNT: a call with a path that another thread changes all the time.
int CallShifting(long number, long count) {
  static Shifting shifting;
  pthread_t thread;
  if (pthread_create(&thread, nullptr, Rewrite, &shifting) != 0) return 1;
  long failed = 0;
  for (long i = 0; i < count; ++i) failed += syscall(number, shifting.path, 0, 0) == -1 && errno == EPERM ? 1 : 0;
  __atomic_store_n(&shifting.stop, 1, __ATOMIC_RELAXED);
  pthread_join(thread, nullptr);
  printf("%ld failed\n", failed);
  return 0;
}

void* Count(void* counter) {
  __atomic_fetch_add(static_cast<int*>(counter), 1, __ATOMIC_RELAXED);
  return nullptr;
}

// threads N: that many, one after the other joined.
int Threads(int wanted) {
  int ran = 0;
  for (int i = 0; i < wanted; ++i) {
    pthread_t thread;
    const int error = pthread_create(&thread, nullptr, Count, &ran);
    if (error != 0) {
      printf("pthread_create: %s\n", strerror(error));
      return 1;
    }
    pthread_join(thread, nullptr);
  }
  printf("%d threads\n", ran);
  return 0;
}

// spew OUT ERR: that many bytes on each stream, interleaved.
int Spew(unsigned long out, unsigned long err) {
  memset(scratch, 'x', sizeof(scratch));
  while (out > 0 || err > 0) {
    for (const int fd : {1, 2}) {
      unsigned long& left = fd == 1 ? out : err;
      const size_t count = left < sizeof(scratch) ? left : sizeof(scratch);
      if (count == 0) continue;
      const ssize_t done = write(fd, scratch, count);
      if (done < 0) return 3;
      left -= static_cast<unsigned long>(done);
    }
  }
  return 0;
}

// touch MIB [later]: that much, a byte in each page; `later`: first reserved, then made writable.
int Touch(unsigned long mib, const char* when) {
  const size_t size = mib << 20;
  const bool later = strcmp(when, "later") == 0;
  void* at = mmap(nullptr, size, later ? PROT_NONE : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED || (later && mprotect(at, size, PROT_READ | PROT_WRITE) != 0)) return 3;
  for (size_t i = 0; i < size; i += 4096) static_cast<volatile char*>(at)[i] = 1;
  return 0;
}

// Some 200 bytes of stack each.
// Each frame is written from the one above it, so that no compiler can make a loop of it.
__attribute__((noinline)) int Recurse(int depth, volatile char* below) {
  volatile char frame[160];
  frame[0] = static_cast<char>(depth);
  *below = frame[0];
  return depth == 0 ? frame[0] : Recurse(depth - 1, frame + 1) + (frame[1] & 1);
}

int Recurse(int depth) {
  volatile char below = 0;
  return Recurse(depth, &below);
}

int Die(int number) {
  signal(number, SIG_DFL);
  raise(number);
  return 4;
}

#if defined(__x86_64__)
// int80 NR: by the gate of 32-bit programs.
int Int80(long number) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "r8", "r9", "r10", "r11", "memory");
  printf("int80: %ld\n", result);
  return 0;
}
#endif

int Main(int argc, char** argv) {
  if (argc < 1) return 64;
  const char* deed = argv[0];
  if (strcmp(deed, "true") == 0) return 0;
  if (strcmp(deed, "exit") == 0 && argc > 1) return atoi(argv[1]);
  if (strcmp(deed, "call") == 0 && argc > 1) return Call(argc - 1, argv + 1);
  if (strcmp(deed, "storm") == 0 && argc > 2) return Storm(atol(argv[1]), atol(argv[2]));
  if (strcmp(deed, "shifting") == 0 && argc > 2) return CallShifting(atol(argv[1]), atol(argv[2]));
  if (strcmp(deed, "threads") == 0 && argc > 1) return Threads(atoi(argv[1]));
  if (strcmp(deed, "spew") == 0 && argc > 2) return Spew(strtoul(argv[1], nullptr, 0), strtoul(argv[2], nullptr, 0));
  if (strcmp(deed, "touch") == 0 && argc > 1) return Touch(strtoul(argv[1], nullptr, 0), argc > 2 ? argv[2] : "");
  if (strcmp(deed, "recurse") == 0 && argc > 1) return Recurse(atoi(argv[1])) < 0;
  if (strcmp(deed, "die") == 0 && argc > 1) return Die(atoi(argv[1]));
  if (strcmp(deed, "abort") == 0) abort();
#if defined(__x86_64__)
  if (strcmp(deed, "int80") == 0 && argc > 1) return Int80(atol(argv[1]));
#endif
  int code = Files(argc, argv);
  if (code < 0) code = Network(argc, argv);
  if (code < 0) {
    fprintf(stderr, "guest: unknown: %s\n", deed);
    return 64;
  }
  return code;
}

}  // namespace
}  // namespace moat::guest

int main(int argc, char** argv) { return moat::guest::Main(argc - 1, argv + 1); }
