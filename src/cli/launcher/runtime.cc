// What the header-only part of the C++ library needs at run time, so that the launcher links
// without libstdc++: memory, and an end with a message where others would throw.
#include "cli/launcher/runtime.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

namespace {
[[noreturn]] void Die(const char* why) {
  const char head[] = "moat: internal error: ";
  (void)!write(2, head, sizeof(head) - 1);
  (void)!write(2, why, strlen(why));
  (void)!write(2, "\n", 1);
  _exit(125);
}

// The first allocations come from here, and most jobs need no more. malloc would ask the kernel
// for its many small groups one by one and give them back: some twenty calls and thirty page
// faults, and each return interrupts the processor that makes the network namespace meanwhile.
// Nothing of it is used twice, except the newest block; what does not fit is malloc's, and so is
// everything of a process that lives on.
class Arena {
 public:
  // null: ask malloc.
  void* Take(std::size_t size) {
    if (size > sizeof(bytes_) - used_) return nullptr;  // first: rounding could overflow
    size = (size + kUnit - 1) / kUnit * kUnit;
    if (used_ + size > ready_) Prepare(used_ + size);
    newest_ = used_;
    used_ += size;
    return bytes_ + newest_;
  }
  void Close() { used_ = sizeof(bytes_); }
  // False: not from here.
  bool Give(void* memory) {
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(bytes_);
    if (at >= sizeof(bytes_)) return false;
    if (at == newest_ && used_ < sizeof(bytes_)) used_ = newest_;
    return true;
  }

 private:
  static constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE; musl's headers are older
  static constexpr std::size_t kUnit = alignof(std::max_align_t), kPage = 4096, kStep = 12 * kPage;

  // Several pages by one call cost a fraction of as many faults. Where the kernel does not know
  // how (before 5.14), they fault.
  void Prepare(std::size_t end) {
    const std::size_t wanted = end - ready_ > kStep ? (end - ready_ + kPage - 1) / kPage * kPage : kStep;
    const std::size_t step = wanted < sizeof(bytes_) - ready_ ? wanted : sizeof(bytes_) - ready_;
    const int error_of_caller = errno;
    madvise(bytes_ + ready_, step, kPopulateWrite);
    errno = error_of_caller;
    ready_ += step;
  }

  alignas(kPage) unsigned char bytes_[48 * kPage];
  std::size_t used_, newest_, ready_;
};
Arena arena;
}  // namespace

void moat::launcher::ExpectLongLife() { arena.Close(); }

void* operator new(std::size_t size) {
  if (size == 0) size = 1;
  void* memory = arena.Take(size);
  if (memory == nullptr) memory = malloc(size);
  if (memory == nullptr) Die("out of memory");
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept {
  if (!arena.Give(memory)) free(memory);
}
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace std {
void __throw_bad_alloc() { Die("out of memory"); }
void __throw_bad_array_new_length() { Die("out of memory"); }
void __throw_length_error(const char* what) { Die(what); }
void __throw_logic_error(const char* what) { Die(what); }
void __throw_out_of_range(const char* what) { Die(what); }
void __throw_out_of_range_fmt(const char* what, ...) { Die(what); }
void __throw_invalid_argument(const char* what) { Die(what); }
void __throw_bad_optional_access() { Die("an empty optional"); }
void __throw_bad_variant_access(const char* what) { Die(what); }
void __throw_bad_function_call() { Die("an empty function"); }
}  // namespace std

extern "C" void __cxa_pure_virtual() { Die("a pure virtual call"); }
// Nothing in the launcher is destroyed at exit: it ends with _exit.
extern "C" int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
extern "C" {
void* __dso_handle = nullptr;
}
