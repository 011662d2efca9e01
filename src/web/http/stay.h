// Who may keep a thread of the door for long. There always have to be some for what is quick: health, cancelling,
// how a job is. So whoever waits for a job, the disk or an upload asks for leave to stay; and who waits for a
// client without such leave (a small body that trickles, an answer that is not read) is one of few.
#pragma once

#include <atomic>

namespace moat::web {

// Counts this thread among `count`, where there are not `most` already. Ends in the thread that began it.
class Stay {
 public:
  Stay(std::atomic<unsigned>& count, unsigned most) : count_(count), got_(count.fetch_add(1) < most) { Held() += got_ ? 1U : 0U; }
  ~Stay() {
    count_.fetch_sub(1);
    Held() -= got_ ? 1U : 0U;
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
  std::atomic<unsigned>& count_;
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
