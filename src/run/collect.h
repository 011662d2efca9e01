// Brings the results of a job home. The job is dead by now, so nothing moves in `source`,
// but everything in it was chosen by the guest: names, types, sizes, depth. Only regular
// files and folders arrive in `destination`; whatever else there was is named in `refused`.
//
//   CollectLimits limits{64 << 20, 10000};
//   auto collected = MOAT_TRY(run::Collect(output_fd, destination_fd, limits));
//
// Nothing is followed (no symbolic link, no mount point) on either side, no FIFO or device
// is ever opened, and a reader of `destination` sees a file whole or not at all. Time and
// memory are bounded by the two limits. Threads: one; the process' umask does not matter.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "run/stop_asked.h"

namespace moat::run {

struct CollectLimits {
  std::uint64_t bytes = ~0ULL;  // of all files; a hole counts like any other byte
  std::uint64_t files = ~0ULL;  // entries of any type, refused ones too
  StopAsked stop;               // asked between two files and two blocks of a file
};

struct Collected {
  std::vector<OutputFile> outputs;     // a folder before what is in it, else by name
  std::vector<RefusedOutput> refused;  // names as the guest chose them
  bool bytes_exceeded = false;         // something was cut or left out
  bool files_exceeded = false;
  bool interrupted = false;            // by `stop`: what is there is whole, the rest is missing
  std::uint64_t bytes = 0;             // kept
  std::optional<Error> error;          // the first thing that the host failed at: a full disk ...
};

// Deeper folders are refused: tools that read the results recurse.
inline constexpr unsigned kCollectDepth = 64;

// Both are directory descriptors, O_PATH is enough. An Error means that nothing was collected.
Result<Collected> Collect(int source_dir, int destination_dir, const CollectLimits& limits);

}  // namespace moat::run
