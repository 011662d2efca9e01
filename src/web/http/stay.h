// Who may keep a thread of the door for long. There always have to be some for what is quick: health, cancelling,
// how a job is. So whoever waits for a job, the disk or an upload asks for leave to stay; and who waits for a
// client without such leave (a small body that trickles, an answer that is not read) is one of few.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace moat::web {

// Threads that stay, and for which callers.
class StayRoom {
 public:
  bool Enter(const std::string& caller, unsigned most, unsigned most_of_one) {
    const std::lock_guard lock(mutex_);
    if (all_ >= most) return false;
    unsigned& his = of_[caller];
    if (his >= most_of_one) return false;
    ++his;
    ++all_;
    return true;
  }
  void Leave(const std::string& caller) {
    const std::lock_guard lock(mutex_);
    --all_;
    const auto found = of_.find(caller);
    if (--found->second == 0) of_.erase(found);
  }

 private:
  std::mutex mutex_;
  unsigned all_ = 0;
  std::map<std::string, unsigned> of_;
};

// Counts this thread in `room`, where there are not `most` already. Where there are other callers, one gets no more
// than three quarters. Ends in the thread that began it.
enum class Callers : unsigned char { kOne, kMore };
class Stay {
 public:
  Stay(StayRoom& room, std::string caller, unsigned most, Callers callers)
      : room_(room), caller_(std::move(caller)), got_(room.Enter(caller_, most, callers == Callers::kOne ? most : most - most / 4)) {
    Held() += got_ ? 1U : 0U;
  }
  ~Stay() {
    if (!got_) return;
    room_.Leave(caller_);
    --Held();
  }
  Stay(const Stay&) = delete;
  Stay& operator=(const Stay&) = delete;
  bool got() const { return got_; }

  // By this thread, now.
  static unsigned& Held() {
    thread_local unsigned held = 0;
    return held;
  }

 private:
  StayRoom& room_;
  const std::string caller_;
  const bool got_;
};

// This thread waits for its client. Where it may not, the client is given up.
class Stray {
 public:
  static constexpr unsigned kMost = 32;
  Stray() : counts_(Stay::Held() == 0), may_(!counts_ || count_.fetch_add(1) < kMost) {
    if (!may_) given_up_.fetch_add(1);
  }
  ~Stray() {
    if (counts_) count_.fetch_sub(1);
  }
  Stray(const Stray&) = delete;
  Stray& operator=(const Stray&) = delete;
  bool may() const { return may_; }
  static unsigned long given_up() { return given_up_; }

 private:
  static inline std::atomic<unsigned> count_ = 0;
  static inline std::atomic<unsigned long> given_up_ = 0;
  const bool counts_, may_;
};

}  // namespace moat::web
