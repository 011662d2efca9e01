// Threads that are all there before the first byte of the file is read, and end with the process.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace program {

class Pool {
 public:
  // As many as can be had, where that is fewer. None: Run does the work itself. Each thread has touched its heap when this returns: behind a seal nothing is left to set up.
  explicit Pool(unsigned threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Calls work(0) ... work(count - 1), each once, spread over the threads, and waits for all. `work`
  // must not throw.
  void Run(std::size_t count, const std::function<void(std::size_t)>& work);

 private:
  void Work();

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(std::size_t)>* work_ = nullptr;
  std::size_t next_ = 0, count_ = 0, unfinished_ = 0, ready_ = 0;
  enum class State : std::uint8_t { kOpen, kClosed } state_ = State::kOpen;
  std::vector<std::thread> threads_;
};

}  // namespace program
