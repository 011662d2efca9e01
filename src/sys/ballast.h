// Memory in reserve, for a daemon that is to outlive its lack: where there is none for what somebody asks of it,
// the reserve is given up, what is under way goes on with it, and nothing new is begun until it is there again.
//
//   sys::Ballast::Load(4 << 20);                 // once, before there are threads
//   if (sys::Ballast::IsSpent()) return Refuse();  // at the beginning of what takes memory
//
// For operator new (std::set_new_handler): with no reserve left it throws as ever. Threads: any. A header, for
// the launcher links what else is in this folder, and has no such operator.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <new>

namespace moat::sys {

class Ballast {
 public:
  static void Load(std::size_t bytes) {
    size_ = bytes;
    TakeOn();
  }
  // Tries to get it back; true while that fails.
  static bool IsSpent() { return size_ != 0 && memory_ == nullptr && !TakeOn(); }

 private:
  // Not malloc's, which gives back to the kernel only now and then. Never touched: it costs address space alone.
  static bool TakeOn() {
    void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return false;
    void* none = nullptr;
    if (!memory_.compare_exchange_strong(none, memory)) munmap(memory, size_);  // somebody was quicker
    std::set_new_handler(GiveUp);
    return true;
  }
  static void GiveUp() {
    void* memory = memory_.exchange(nullptr);
    if (memory != nullptr) munmap(memory, size_);
    else std::set_new_handler(nullptr);  // then it throws
  }

  static inline std::atomic<void*> memory_ = nullptr;
  static inline std::atomic<std::size_t> size_ = 0;
};

}  // namespace moat::sys
