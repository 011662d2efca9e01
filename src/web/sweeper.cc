#include "web/sweeper.h"

#include <chrono>
#include <new>
#include <utility>

#include "web/end_words.h"
#include "web/spool.h"

namespace moat::web {
namespace {

constexpr std::size_t kMost = 256;
constexpr int kTries = 50;
constexpr auto kPause = std::chrono::milliseconds(100);

}  // namespace

Sweeper::~Sweeper() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  more_.notify_all();
  thread_.join();
}

void Sweeper::Remove(Order order) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (folders_.size() < kMost) {
      folders_.splice(folders_.end(), order);
      more_.notify_all();
      return;
    }
  }
  for (Folder& folder : order) RemoveOne(folder);
}

// Memory and descriptors come back; what stays after all goes at the next start.
bool Sweeper::TryToRemove(const std::string& name) {
  try {
    const Status removed = RemoveTree(parent_, name);
    return removed.ok() || !IsScarce(removed.error().error_number);
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void Sweeper::RemoveOne(Folder& folder) noexcept {
  for (int i = 0; !folder.name.empty() && i < kTries && !TryToRemove(folder.name); ++i) std::this_thread::sleep_for(kPause);
  const bool unnamed = !folder.unnamed.empty();
  folder.unnamed.clear();
  used_.fetch_sub(folder.bytes);
  if (!unnamed) return;
  try {
    refill_();
  } catch (const std::bad_alloc&) {  // who needs one makes it
  }
}

void Sweeper::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return ends_ || !folders_.empty(); });
    if (folders_.empty()) return;  // at the end, too, all is gone
    Order one;
    one.splice(one.end(), folders_, folders_.begin());
    lock.unlock();
    RemoveOne(one.front());
    lock.lock();
  }
}

}  // namespace moat::web
