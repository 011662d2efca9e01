// A constructor that starts a thread, in the program itself or in a library of its.
#include "guests/guest_ahead_early.h"

#include <atomic>
#include <thread>

namespace {

// Counts as long as the program lives.
class Early {
 public:
  Early() : thread_([this] {
    while (!over_) {
      ++count_;
      std::this_thread::yield();
    }
  }) {}
  ~Early() {
    over_ = true;
    thread_.join();
  }
  bool Moves() const {
    const unsigned long before = count_;
    while (count_ == before) std::this_thread::yield();
    return true;
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<unsigned long> count_{0};
  std::thread thread_;
} early;

}  // namespace

bool EarlyThreadMoves() { return early.Moves(); }
