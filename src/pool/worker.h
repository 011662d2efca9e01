// A single-use worker, as the pool sees it: it is given one job, and ends.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "moat/result.h"
#include "pool/worker_protocol.h"
#include "sys/fd.h"

namespace moat::pool {

struct WorkerLimits {
  std::uint64_t memory = kNoWorkerLimit;  // beyond what the program had when it began to serve
  std::uint64_t cpu_seconds = kNoWorkerLimit;
  std::uint64_t file_size = kNoWorkerLimit;
};

// What a worker is given. Descriptors are borrowed and were checked (CheckGivenDescriptors).
struct WorkerOrder {
  std::string_view request;
  std::span<const int> inputs, outputs;
  int log = -1;  // its 1 and 2
  WorkerLimits limits;
  std::span<const std::string> arguments, input_names;  // of the latter as many as inputs, or none
};
// Sizes and counts, and that nothing among them leads further: no folder, socket, order to the kernel.
Status CheckWorkerOrder(const WorkerOrder& order);

// How it ended: the kernel's words, then its own.
struct WorkerEnd {
  bool started = true;    // false: it never had its job; another worker may have it
  std::string why_not;    // it could not be forked
  bool reaped = false;
  int status = 0;         // wait(2)
  struct rusage usage{};
  std::string answer;
  std::optional<std::string> uncaught, refused;
  std::string record;     // of a violation
  bool out_of_memory = false;
};

class Worker {
 public:
  Worker() = default;
  Worker(std::uint64_t serial, sys::Fd channel) : serial_(serial), channel_(std::move(channel)) {}
  Worker(Worker&&) noexcept = default;
  Worker& operator=(Worker&& other) noexcept;
  ~Worker() { Discard(); }

  bool valid() const { return channel_.valid(); }
  std::uint64_t serial() const { return serial_; }
  // Readable or hung up (POLLHUP) at its end; wait for the latter, for it may talk before.
  int channel() const { return channel_.get(); }
  int pid() const { return pid_; }

  // It does not wait. EPIPE: it is gone, and has not begun.
  Status Give(const WorkerOrder& order);
  // What its zygote says about its birth.
  void Born(int pid_or_error, sys::Pidfd pidfd);
  bool born() const { return pid_ != 0; }
  void Kill() const;
  // After the hang-up, once born: reads its last words, reaps it. Waits for no more than the kernel
  // takes to finish an exit.
  WorkerEnd Finish();
  // Hangs up on it without a job, or kills it.
  void Discard();

 private:
  std::uint64_t serial_ = 0;
  int pid_ = 0;  // 0: not heard of yet; -errno: there is none
  bool given_ = false;
  sys::Fd channel_;
  sys::Pidfd pidfd_;
};

}  // namespace moat::pool
