// What the helper is sent, received and taken apart. Everything is bounded and checked: a
// mistake of the other side must not become a job with other rights.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "api/protocol.h"
#include "run/job.h"
#include "run/kept_plan.h"
#include "sys/fd.h"

namespace moat::launcher {

// A memfd that can neither change nor shrink under us, mapped for reading.
class Sealed {
 public:
  // An empty one when the descriptor is anything else.
  static Sealed Map(const sys::Fd& fd, std::size_t limit);
  Sealed() = default;
  Sealed(Sealed&& other) noexcept { *this = std::move(other); }
  Sealed& operator=(Sealed&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Sealed();
  std::string_view bytes() const { return {static_cast<const char*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

struct Frame {
  std::vector<char> bytes = std::vector<char>(sizeof(api::RunRequest) + api::kMaxInline);
  std::size_t size = 0;
  std::vector<sys::Fd> fds;

  template <typename T>
  bool Read(T& head) const {
    if (size < sizeof(head)) return false;
    std::memcpy(&head, bytes.data(), sizeof(head));
    return true;
  }
};

// False when the other side is gone, or what it said does not fit a frame.
bool Receive(Frame& frame);

// What each slot was told last; one that does not hold together is an error, for the job to tell.
class Plans {
 public:
  // Precondition: the number is a slot's. Null: nothing was told.
  const Result<run::KeptPlan>* At(std::uint32_t slot) const { return slots_[slot] ? &*slots_[slot] : nullptr; }
  // False for what is no plan at all.
  bool Keep(std::uint32_t slot, const sys::Fd& fd);

 private:
  std::array<std::optional<Result<run::KeptPlan>>, api::kPlanSlots> slots_;
};

// One kPrepare frame: the plan that is meant, none when it is not exactly one; and how jobs begin whose programs
// are to be started ahead.
struct Expectation {
  run::KeptPlan plan;
  std::optional<run::Beginning> beginning;
};
Expectation TakePrepare(Frame& frame, Plans& plans);

// One kRun frame. `files` keeps the descriptors that `job` refers to.
struct Request {
  api::RunRequest head;
  run::Job job;
  std::vector<sys::Fd> files;

  int Keep(sys::Fd fd) {
    files.push_back(std::move(fd));
    return files.back().get();
  }
};

// False when the frame is not exactly one request. A plan that it carries is kept in `plans`.
bool TakeApart(Frame& frame, Plans& plans, Request& request);

}  // namespace moat::launcher
