// One worker, from its fork to its end.
#pragma once

#include <cstdint>

#include "moat/worker.h"

namespace moat::pool {

// What all workers of a zygote have in common; laid down before the lock.
struct WorkerPlan {
  const WorkerHandler* handler = nullptr;
  int pool = 0;                        // whose child each worker is
  std::uint64_t own_memory = 0;
  std::uint64_t memory = kNoWorkerLimit, cpu_seconds = kNoWorkerLimit, file_size = kNoWorkerLimit;
  unsigned long signal_mask = 0;       // of the program, before Serve
  std::uint32_t program_fds = 0;       // bit n: descriptor n stays open, for mapping
};

// In the child. `channel`: its end, anywhere below kChannelFd.
[[noreturn]] void RunWorker(const WorkerPlan& plan, int channel);

}  // namespace moat::pool
