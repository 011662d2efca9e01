// A client of the daemon (`moat serve`) on the same machine.
//
//   moat::Result<int> Thumbnail(int in, int out) {
//     auto pool = MOAT_TRY(moat::PoolClient::Connect("/run/moat/pool.sock"));
//     moat::PoolJob job;
//     job.profile = "thumbnail";
//     job.inputs = {{in, ""}};
//     job.outputs = {out};
//     const auto done = MOAT_TRY(pool.Run(job));
//     if (done.outcome != moat::PoolOutcome::kDone) return moat::HostError(done.why);
//     return done.report.ExitStatus();
//   }
//
// Inputs and outputs are descriptors: no byte passes through the daemon. Many jobs can be on their way
// over one connection (Submit, Next). Ownership: descriptors stay the caller's; the daemon and its
// workers have copies until the job ends. Threads: one at a time. Jobs of a connection that is closed,
// however that happens, are cancelled. Errors: an Error means that nothing is known of the job (no
// daemon, another version, the connection broke); what became of it otherwise is in PoolResult.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"

namespace moat {

enum class PoolPriority : std::uint8_t { kHigh, kNormal, kLow };

struct PoolInput {
  int descriptor = -1;
  std::string name;  // for a program in a jail: as it appears there; all of them, or none
};

struct PoolJob {
  std::string profile;
  std::string label;                   // what the daemon's log calls it beside its own name; up to 64 bytes
  std::string request;                 // for a program that serves; the standard input of another
  std::vector<std::string> arguments;  // behind the profile's command, where it allows that
  std::vector<PoolInput> inputs;       // at most 16, 8 for a program that serves
  std::vector<int> outputs;            // at most 8; of a program in a jail one: its standard output
  int log = -1;                        // standard error
  int folder = -1;                     // results are collected into it; for programs in a jail
  PoolPriority priority = PoolPriority::kNormal;
  std::optional<std::chrono::nanoseconds> wall;          // below the profile's
  std::optional<std::chrono::nanoseconds> start_within;  // else it is never started
};

enum class PoolOutcome : std::uint8_t {
  kDone,     // `report` tells
  kRefused,  // not taken: `why`, and for a full queue `retry_after`
  kExpired,  // it waited too long and was never started
  kInvalid,  // it does not fit its profile: `why`
};

struct PoolResult {
  std::uint64_t id = 0;
  PoolOutcome outcome = PoolOutcome::kDone;
  std::string why;
  std::chrono::nanoseconds retry_after{0}, waited{0};
  Report report;
  std::string answer;  // WorkerJob::Answer, or standard output where no output was given
};

class PoolClient {
 public:
  static Result<PoolClient> Connect(const std::string& socket);
  PoolClient(PoolClient&&) noexcept;
  PoolClient& operator=(PoolClient&&) noexcept;
  ~PoolClient();

  // Waits for this job, while no other is on its way.
  Result<PoolResult> Run(const PoolJob& job);

  // Returns its number. Waits while the daemon does not take more.
  Result<std::uint64_t> Submit(const PoolJob& job);
  // The next job that has ended, in that order. Waits.
  Result<PoolResult> Next();
  // It ends soon, and is told by Next.
  Status Cancel(std::uint64_t id);
  // Readable when Next would not wait.
  int descriptor() const;

 private:
  struct Impl;
  explicit PoolClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace moat
