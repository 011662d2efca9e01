// From evidence to one cause.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "moat/report.h"
#include "run/collect.h"
#include "run/live_plan.h"
#include "run/scratch.h"
#include "run/streams.h"

namespace moat::run {

// Why the launcher ended the job, when it did.
enum class Stop : std::uint8_t { kNo, kWall, kCpu, kOutput, kCancelled };

struct Evidence {
  Stop stop = Stop::kNo;
  bool program_done = false;      // pid 1 told how the program ended
  std::int32_t program_status = 0;
  std::int32_t init_status = 0;   // how pid 1 itself ended
  std::string left;               // who was killed and is still there, in words; "": nobody
  std::uint64_t oom_kills = 0;    // the group's own counter
  bool own_memory = true;         // it was this job's limit; false: the host's or an outer group's memory
  bool memory_by_process = true;  // no group counts the memory: RLIMIT_DATA keeps the limit
  std::uint64_t outer_memory = 0; // the lowest limit of the groups around, when that may have been it; 0: none is known
  std::uint64_t pids_hits = 0;    // refusals, where a group counts them
  bool own_pids = true;           // it was this job's limit; false: one of a group around
  bool no_more_processes = false; // where none does: at the end there was no room for another process
  FullPlaces full;
  bool output_exceeded = false;   // more than may be collected
  bool filter_kills = false;      // the filter kills by itself: SIGSYS may be its doing
  bool file_at_limit = false;     // there is a file as large as `file_size`
  std::optional<Denial> told;     // what the program itself said of its end
};

// Fills cause, detail, exit_code, signal, limits_hit and hints.
void Judge(Report& report, const Evidence& evidence, const abi::Shared& shared, const LivePlan& plan);

}  // namespace moat::run
