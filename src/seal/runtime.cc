// What the header-only part of the C++ library needs at run time, for C programs that are linked
// without libstdc++. Hidden in the archive: the program that uses it may have its own.
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <new>

namespace {
[[noreturn]] void Die(const char* why) {
  const char head[] = "moat: internal error in the seal: ";
  (void)!write(2, head, sizeof(head) - 1);
  (void)!write(2, why, strlen(why));
  (void)!write(2, "\n", 1);
  abort();
}
}  // namespace

const std::nothrow_t std::nothrow{};

void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return malloc(size == 0 ? 1 : size); }
void* operator new(std::size_t size) {
  void* memory = operator new(size, std::nothrow);
  if (memory == nullptr) Die("out of memory");
  return memory;
}
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, std::size_t) noexcept { free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { free(memory); }

namespace std {
void __throw_bad_alloc() { Die("out of memory"); }
void __throw_bad_array_new_length() { Die("out of memory"); }
void __throw_length_error(const char* what) { Die(what); }
void __throw_logic_error(const char* what) { Die(what); }
void __throw_out_of_range(const char* what) { Die(what); }
void __throw_out_of_range_fmt(const char* what, ...) { Die(what); }
void __throw_bad_optional_access() { Die("an empty optional"); }
void __throw_bad_variant_access(const char* what) { Die(what); }
}  // namespace std

extern "C" void __cxa_pure_virtual() { Die("a pure virtual call"); }
