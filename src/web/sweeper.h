// Removes folders while nobody waits: each unlink may cost a file system milliseconds, and what has been
// answered needs none of them. Bounded: who brings more than it can keep up with removes for himself.
// What is not removed at the end, the next start removes. Threads: any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sys/fd.h"

namespace moat::web {

class Sweeper {
 public:
  // All outlive it. `used`: bytes that count no longer once a folder is gone; `refill`: behind files without a name.
  Sweeper(int parent, std::atomic<std::uint64_t>& used, std::function<void()> refill)
      : parent_(parent), used_(used), refill_(std::move(refill)), thread_([this] { Loop(); }) {}
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  struct Folder {
    std::string name;  // "": no folder
    std::uint64_t bytes = 0;
    std::vector<sys::Fd> unnamed;  // files without a name go with their descriptors
  };
  // One folder, written down when it is made: to have it removed takes no memory then, of which there may be none.
  using Order = std::list<Folder>;
  void Remove(Order order) noexcept;

 private:
  void Loop();
  bool TryToRemove(const std::string& name);
  void RemoveOne(Folder& folder) noexcept;

  const int parent_;
  std::atomic<std::uint64_t>& used_;
  const std::function<void()> refill_;
  std::mutex mutex_;
  std::condition_variable more_;
  Order folders_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace moat::web
