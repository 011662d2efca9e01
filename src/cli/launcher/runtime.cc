// What the header-only part of the C++ library needs at run time, so that the launcher links
// without libstdc++: memory from malloc, and an end with a message where others would throw.
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
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
}  // namespace

void* operator new(std::size_t size) {
  void* memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr) Die("out of memory");
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, std::size_t) noexcept { free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { free(memory); }

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
