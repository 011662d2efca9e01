// A program that is started once and does many jobs, each in a process of its own that is sealed
// before it sees the first byte of the job, and gone after it.
//
//   int Thumbnail(moat::WorkerJob& job) {
//     return Convert(job.inputs()[0].fd, job.outputs()[0]).ok() ? 0 : 1;
//   }
//   int main() {
//     LoadFonts();  // whatever all jobs need, and no secrets: every job has a copy
//     moat::ServeOptions options;
//     options.seal.Memory().Time();
//     const moat::Error error = moat::Serve(Thumbnail, options);  // returns only when it cannot
//     std::fputs(error.ToString().c_str(), stderr);
//     return 1;
//   }
//
// The pool (`moat serve`) starts the program and hands it a socket, descriptor 3. `Serve` looks at the
// process as Seal::Apply does, lowers it (no capabilities, never root, no core files), installs one
// filter, and from then on forks workers when it is told to; they inherit the filter. Between two
// jobs nothing but what the program had in memory at `Serve` is shared. docs/adr/0008-the-pool.md.
//
// Threads: the process must have one when it calls Serve. Ownership: the handler and what it refers
// to stay the caller's. Signals are blocked from Serve on, and as before in handlers' processes.
// Errors: an Error means that no job was run; kPolicy when options or process do not fit.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "moat/result.h"
#include "moat/seal.h"

namespace moat {

inline constexpr int kServeDescriptor = 3;
inline constexpr unsigned kMaxWorkerInputs = 8, kMaxWorkerOutputs = 8;
inline constexpr unsigned kMaxWorkerArguments = 256;
// The former: request, arguments and names of inputs together.
inline constexpr std::size_t kMaxWorkerRequest = 32 * 1024, kMaxWorkerAnswer = 32 * 1024;

// One job, in its own process.
class WorkerJob {
 public:
  struct Input {
    int fd = -1;             // read, pread, lseek, private mmap; nothing else, however it was opened
    std::uint64_t size = 0;  // bytes, of a file; 0 for a pipe
    std::string_view name;   // what the caller calls it: a word for messages, never a path; may be empty
  };
  WorkerJob(std::string_view request, std::span<const Input> inputs, std::span<const int> outputs,
            std::span<const std::string_view> arguments = {})
      : request_(request), inputs_(inputs), outputs_(outputs), arguments_(arguments) {}

  std::string_view request() const { return request_; }  // the caller's own words
  // Likewise, one by one; only where the pool's profile lets callers give arguments.
  std::span<const std::string_view> arguments() const { return arguments_; }
  std::span<const Input> inputs() const { return inputs_; }
  std::span<const int> outputs() const { return outputs_; }  // write, pwrite, lseek, ftruncate

  // A short answer beside the outputs; at most kMaxWorkerAnswer bytes, once.
  Status Answer(std::string_view bytes);

 private:
  std::string_view request_;
  std::span<const Input> inputs_;
  std::span<const int> outputs_;
  std::span<const std::string_view> arguments_;
  bool answered_ = false;
};

// The result is the job's exit code, 0 to 255. An exception that leaves it is reported, too.
// Nothing is flushed and no destructor runs behind it.
using WorkerHandler = std::function<int(WorkerJob&)>;

// What stands around a job besides limits.
enum class ServeWalls : std::uint8_t {
  kSealed,       // the filter
  kSealedApart,  // and namespaces of the program's own: user, mounts (an empty root), network, IPC, UTS, cgroup
};

inline constexpr std::uint64_t kNoWorkerLimit = ~0ULL;

struct ServeOptions {
  // What jobs may do besides reading inputs and writing outputs: Memory, Time, Random, Waiting,
  // Threads(kNew), SoftOpen; Map(fd) for what the program keeps open below descriptor 32. Roles
  // that move a position, promises, and modes that are no wall are refused. kTrap (a record in
  // the report), kKill, kErrno.
  Seal seal = Seal().OnViolation(SealViolation::kTrap);
  ServeWalls walls = ServeWalls::kSealed;
  // Upper bounds; the pool may ask for less. `memory`: of each job, beyond what the program has.
  std::uint64_t memory = 256ULL << 20;
  std::uint64_t cpu_seconds = kNoWorkerLimit;
  std::uint64_t file_size = kNoWorkerLimit;  // of any output; SIGXFSZ beyond
};

// Returns only when it could not serve. Else the process ends with code 0, without destructors, when
// the pool hangs up.
Error Serve(const WorkerHandler& handler, const ServeOptions& options);

}  // namespace moat
