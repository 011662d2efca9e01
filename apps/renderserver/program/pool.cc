#include "program/pool.h"

#include <cstdlib>
#include <exception>

namespace program {

Pool::Pool(unsigned threads) {
  threads_.reserve(threads);
  try {
    while (threads_.size() < threads) threads_.emplace_back([this] { Work(); });
  } catch (const std::exception&) {  // no memory for its stack, or no process more: those there are do all
  }
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return ready_ == threads_.size(); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kClosed;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Pool::Run(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (threads_.empty()) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  std::unique_lock lock(mutex_);
  work_ = &work;
  next_ = 0;
  count_ = unfinished_ = count;
  wake_.notify_all();
  done_.wait(lock, [this] { return unfinished_ == 0; });
}

namespace {

// The first allocation of a thread makes its arena; the first time that an arena gives memory back,
// glibc reads /proc/sys/vm/overcommit_memory to learn how. Both happen here: enough is taken, in pieces
// that are not mapped one by one, and given back.
void TouchHeap() {
  constexpr std::size_t kPiece = 100'000;
  void* pieces[16];
  for (void*& piece : pieces) {
    piece = std::malloc(kPiece);
    if (piece != nullptr) *static_cast<volatile char*>(piece) = 1;
  }
  for (void* piece : pieces) std::free(piece);
}

}  // namespace

void Pool::Work() {
  TouchHeap();
  std::unique_lock lock(mutex_);
  ++ready_;
  done_.notify_all();
  for (;;) {
    wake_.wait(lock, [this] { return state_ == State::kClosed || next_ < count_; });
    if (state_ == State::kClosed) return;
    const std::size_t index = next_++;
    lock.unlock();
    (*work_)(index);
    lock.lock();
    if (--unfinished_ == 0) done_.notify_all();
  }
}

}  // namespace program
