#include "web/sweeper.h"

#include <utility>

#include "web/spool.h"

namespace moat::web {
namespace {

constexpr std::size_t kMost = 256;

}  // namespace

Sweeper::~Sweeper() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  more_.notify_all();
  thread_.join();
}

void Sweeper::Remove(std::string name, std::function<void()> removed) {
  {
    const std::lock_guard lock(mutex_);
    if (folders_.size() < kMost) {
      folders_.push_back({std::move(name), std::move(removed)});
      more_.notify_all();
      return;
    }
  }
  Sweep(name, removed);
}

void Sweeper::Sweep(const std::string& name, const std::function<void()>& removed) const {
  if (!name.empty()) (void)RemoveTree(parent_, name);
  removed();
}

void Sweeper::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return ends_ || !folders_.empty(); });
    if (folders_.empty()) return;  // at the end, too, all is gone
    const Folder folder = std::move(folders_.front());
    folders_.pop_front();
    lock.unlock();
    Sweep(folder.name, folder.removed);
    lock.lock();
  }
}

}  // namespace moat::web
