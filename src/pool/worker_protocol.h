// What the pool, a zygote (a program inside moat::Serve) and its workers say to each other, over
// SOCK_SEQPACKET pairs. One frame is one packet: a structure, then bytes. Layouts only.
//
// control (pool - zygote):  hello there; spawn orders here, each with one channel end per worker;
//                           for each order one answer with a pidfd per worker.
// channel (pool - worker):  one job here; answer frames there, then its end. The worker's frames are
//                           those of a process that was taken over: claims, of bounded size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "moat/worker.h"

namespace moat::pool {

inline constexpr std::uint32_t kWorkerProtocol = 2;
inline constexpr std::uint32_t kMaxBatch = 8;  // with 28 of the program, below kInputFds + 16
inline constexpr std::uint32_t kMaxWhy = 512;
inline constexpr std::size_t kMaxWorkerFds = kMaxWorkerInputs + kMaxWorkerOutputs + 1;

// A worker's descriptors. Below kProgramFds: 0, 1, 2 and what the program keeps mapped.
inline constexpr int kProgramFds = 32;
inline constexpr int kInputFds = 32;   // .. 39: one test of the filter covers them
inline constexpr int kOutputFds = 40;  // .. 47
inline constexpr int kChannelFd = 48;
inline constexpr int kSelfFd = 49;     // a pidfd of the worker
inline constexpr int kFirstFreeFd = 50;
inline constexpr int kFdLimit = 128;
static_assert(kMaxWorkerInputs == 8 && kMaxWorkerOutputs == 8 && kInputFds % 8 == 0 && kOutputFds % 8 == 0);

enum class WorkerFrame : std::uint32_t {
  kHello = 0x6d6f6101,
  kCannotServe,
  kSpawn,
  kSpawned,
  kJob,
  kAnswer,
  kOutOfMemory,
  kUncaught,
  kRefused,  // the job does not fit: a mistake of the pool's
  kRecord = 0x6f6d227b,  // `{"mo`: a record of a violation begins like this
};

// Body of kCannotServe: text.
struct ZygoteHello {
  WorkerFrame kind = WorkerFrame::kHello;
  std::uint32_t protocol = kWorkerProtocol;
  std::uint32_t instructions = 0;  // of the filter
  std::uint32_t apart = 0;         // kSealedApart
  std::uint64_t memory = 0, cpu_seconds = 0, file_size = 0;  // ServeOptions
  char version[32] = {};
};

struct SpawnOrder {
  WorkerFrame kind = WorkerFrame::kSpawn;
  std::uint32_t count = 0;
};

// Descriptors: a pidfd of each worker that was made, in order.
struct SpawnAnswer {
  WorkerFrame kind = WorkerFrame::kSpawned;
  std::uint32_t count = 0;
  std::int32_t pids[kMaxBatch] = {};  // -errno where there is none
};

// Descriptors: inputs, outputs, log. Body: the request, then arguments and names of inputs, each ended by NUL.
struct JobOrder {
  WorkerFrame kind = WorkerFrame::kJob;
  std::uint32_t inputs = 0, outputs = 0;
  std::uint32_t has_log = 0;  // for 1 and 2; else they lead nowhere
  std::uint32_t arguments = 0, input_names = 0;  // of the latter as many as inputs, or none
  std::uint32_t unused = 0;
  std::uint64_t memory = kNoWorkerLimit, cpu_seconds = kNoWorkerLimit, file_size = kNoWorkerLimit;
  std::uint64_t request_size = 0;
};

}  // namespace moat::pool
