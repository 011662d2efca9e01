// For what must be done although there is no memory for it now.
#pragma once

#include <chrono>
#include <new>
#include <thread>

namespace moat::web {

// Does it again and again until it does not fail for want of memory: what throws has changed nothing, and holds no
// lock while we wait.
template <typename Act>
void UntilThereIsMemory(const Act& act, std::chrono::milliseconds pause = std::chrono::milliseconds(100)) {
  for (;;) {
    try {
      return act();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(pause);
    }
  }
}

}  // namespace moat::web
