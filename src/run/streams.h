// The guest's three streams. Each is a pipe of our own, so that a guest cannot reopen the
// caller's files through /proc/self/fd or change their flags; we carry the bytes across,
// count them and stop at the limit. Nothing is ever buffered beyond one block per stream.
#pragma once

#include <poll.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "plan/abi.h"
#include "sys/calls.h"

namespace moat::run {

// One block of bytes, made at the first use and not zeroed: pages that no byte arrives in are
// never touched. (std::unique_ptr would bring the whole of <memory> into core code.)
class Block {
 public:
  static constexpr std::size_t kSize = 64 * 1024;
  Block() = default;
  ~Block() { delete[] bytes_; }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  char* get() {
    if (bytes_ == nullptr) bytes_ = new char[kSize];
    return bytes_;
  }

 private:
  char* bytes_ = nullptr;
};

// From one descriptor to another through one block.
class Channel {
 public:
  // `owned_end` is our end of the guest's pipe (closed when done); the other is the caller's.
  void Open(int from, int to, std::uint64_t limit, sys::Fd owned_end);
  bool active() const { return active_; }
  bool waits_for_reader() const { return active_ && end_ > begin_; }
  void AddPolls(std::vector<struct pollfd>& polls);
  // Acts on what poll said about the entries that AddPolls added.
  void Step(const std::vector<struct pollfd>& polls);
  void Stop();  // gives up what is still on its way
  // Remembers the last bytes that were read, passed on or not.
  void KeepTail(std::size_t size) { tail_size_ = size; }
  std::string_view tail() const { return tail_; }

  const StreamUsage& usage() const { return usage_; }
  bool over_limit() const { return usage_.bytes > limit_; }
  // The errno with which the caller's side took no more: a full disk, not a reader who has gone. 0: none.
  int failure() const { return failure_; }

 private:
  void ReadSome();
  void Remember(std::size_t size);
  void WriteSome();

  int from_ = -1, to_ = -1;
  sys::Fd owned_, terminal_;
  bool active_ = false, at_end_ = false, target_gone_ = false;
  std::uint64_t limit_ = ~0ULL;
  std::size_t begin_ = 0, end_ = 0;
  int read_poll_ = -1, write_poll_ = -1, failure_ = 0;
  Block block_;
  StreamUsage usage_;
  std::size_t tail_size_ = 0;
  std::string tail_;
};

// Owned by the job's uid, each openable in its own direction only. May be made ahead of the job.
struct Pipes {
  static Result<Pipes> Make(std::uint32_t uid, std::uint32_t gid);
  void CloseGuestEnds();

  sys::Fd ours[3], guest[3];  // the guest's ends: closed in the launcher once it has them
};

struct Streams {
  Channel in, out, err;

  // Takes our ends.
  void Connect(Pipes& pipes, const int caller[3], const abi::LimitsRow& limits);
};

}  // namespace moat::run
