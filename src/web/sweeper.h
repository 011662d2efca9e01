// Removes folders while nobody waits: each unlink may cost a file system milliseconds, and what has been
// answered needs none of them. Bounded: who brings more than it can keep up with removes for himself.
// What is not removed at the end, the next start removes. Threads: any.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace moat::web {

class Sweeper {
 public:
  explicit Sweeper(int parent) : parent_(parent), thread_([this] { Loop(); }) {}  // `parent` outlives it
  ~Sweeper();
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;
  // "": nothing but what `removed` does.
  void Remove(std::string name, std::function<void()> removed);

 private:
  void Sweep(const std::string& name, const std::function<void()>& removed) const;
  void Loop();

  const int parent_;
  std::mutex mutex_;
  std::condition_variable more_;
  struct Folder {
    std::string name;
    std::function<void()> removed;
  };
  std::deque<Folder> folders_;
  bool ends_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace moat::web
