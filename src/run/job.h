// One job: a plan, a command, its files. The engine of `moat run` and of the library's helper.
//
//   run::Job job;
//   job.command = {"convert", "{in}", "{out}/t.png"};
//   job.inputs = {"photo.jpg"};
//   job.output_dir = "out";
//   moat::Report report = run::Run(plan_bytes, job);
//
// Single-threaded process only: the engine forks, blocks signals and may enter a user
// namespace of its own. Whatever goes wrong is in the Report (cause setup).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "plan/abi.h"

namespace moat::run {

class Ahead;
class KeptPlan;
struct Remains;

// Tests: let op `op` fail with `error_number`, as if the kernel had said so; with kCrashHere
// this process ends there by SIGKILL, or the job waits for somebody to do that.
struct Fault {
  std::uint32_t op = abi::kNoOp;
  int error_number = 0;
};

// What a program knows of its job before it looks at an input: whoever starts it ahead needs no more, and a job
// may have it when all of that is its own.
struct Beginning {
  std::vector<std::string> command, environment, extra_environment, input_names;
  bool operator==(const Beginning&) const = default;
};

struct Job {
  std::vector<std::string> command;      // {in}, {in1}.., {out} are replaced
  std::vector<std::string> environment;  // the caller's, "NAME=value": the plan says which pass
  std::vector<std::string> extra_environment;  // "NAME=value" asked for by the caller
  std::vector<std::string> inputs;       // host paths, "PATH" or "PATH=NAME"
  std::vector<std::string> input_names;  // when there are any: each input's name inside; paths are exact
  std::vector<int> input_fds;            // when there are any: each input opened, or -1; the caller's
  std::string output_dir;                // host folder, "" when nothing is collected
  int output_fd = -1;                    // the same as a descriptor; the caller's
  int standard[3] = {0, 1, 2};           // the caller's streams
  char* own_arguments = nullptr;         // argv and environment of this process, to be wiped in
  std::size_t own_arguments_size = 0;    // the job's pid 1
  int watcher = -1;                      // a socket, the caller's: who decides what the filter asks (ADR 7)
  Ahead* ahead = nullptr;                // may hold the job's pid 1
  bool warm = false;                     // its program should have been started ahead (ADR 13)
  Remains* remains = nullptr;            // for a caller that goes on; see newborn.h
  bool* repeatable = nullptr;            // set to false once stdin was read or a namespace entered
  Fault fault;
  // What the process does after the job: a launcher that is about to end leaves descriptors
  // and memory to the kernel, which is quicker at it; a helper that goes on gives them back.
  enum class After : std::uint8_t { kEnds, kGoesOn } after = After::kGoesOn;
  // Is there a reader for figures that cost time to collect?
  enum class Detail : std::uint8_t { kVerdict, kFull } detail = Detail::kFull;
};

inline Beginning BeginningOf(const Job& job) { return {job.command, job.environment, job.extra_environment, job.input_names}; }

Report Run(std::string_view plan, const Job& job);
// The same for one that was looked at before. `job.ahead` knows plans by their objects.
Report Run(const KeptPlan& plan, const Job& job);

// The report of a job that could not even be planned.
Report SetupReport(const Error& error, std::string_view stage);

}  // namespace moat::run
