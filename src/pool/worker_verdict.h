// What became of a worker's job: from how the kernel says that it ended, what we did to it, and,
// where that harms nobody but the job itself, its own word. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "moat/report.h"
#include "pool/worker.h"
#include "pool/worker_protocol.h"

namespace moat::pool {

enum class WorkerStop : std::uint8_t { kNo, kWall, kCancelled };

struct WorkerFacts {
  WorkerStop stop = WorkerStop::kNo;  // we killed it, for that reason
  std::uint64_t wall_ns = 0;          // from the order to the end
  std::uint64_t wall_limit_ns = 0;
  WorkerLimits limits;                // the lower ones of pool and program
};

Report JudgeWorker(const WorkerEnd& end, const WorkerFacts& facts);
// The layers that stand around each job of this zygote.
void ListWorkerLayers(Report& report, const ZygoteHello& hello, const WorkerLimits& limits);
// The lower of the two, each.
WorkerLimits Lower(const WorkerLimits& limits, const ZygoteHello& hello);

}  // namespace moat::pool
