// What stands behind the doors of `moat serve`: somebody who takes jobs, or says why not, and tells
// later how they ended. The doors know neither queues nor workers, only this.
//
//   Admission answer = backend.Submit(std::move(job), [](JobEnd end) { ... });
//   if (answer.kind != Admission::Kind::kTaken) Refuse(answer.why, answer.retry_after);
//
// Ownership: a job and its descriptors are the backend's from Submit on, taken or not. Threads: every
// function from any of them. Destroying a backend cancels what runs, and waits for its completions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "observe/metrics.h"
#include "sys/fd.h"

namespace moat::web {

struct JobInput {
  std::string name;  // in the job's input folder: one component, checked by the door
  sys::Fd file;      // opened for reading; it has a name on the disk
};

struct Job {
  std::string id;      // ours, unique, [0-9a-f]
  std::string profile; // as the configuration names it
  std::string caller;  // for fairness; "" when nobody has to say who they are
  std::vector<std::string> argv;  // {in} and {out} are still in it
  std::vector<JobInput> inputs;
  sys::DirFd outputs;  // results are collected into this folder
  sys::Fd output;      // or, of a program that serves: its one output, a file without a name
  int priority = 0;    // -9 to 9; more is sooner
  std::uint64_t start_by_ns = 0;  // CLOCK_MONOTONIC; one that waited longer is never started. 0: no matter
  // Called right before the job is started, by a thread of the backend's. An error: it is not started,
  // and ends as kFailed with that error.
  std::function<Status()> starting;
  int client = -1;  // a socket: who waits for this job; the job is cancelled when they hang up. Not ours
};

struct JobEnd {
  enum class Kind : unsigned char {
    kRan,      // `report` tells
    kExpired,  // it waited too long and was not started
    kDropped,  // not started: cancelled while it waited, or the backend ends
    kFailed,   // not started: `error`
  };
  Kind kind = Kind::kFailed;
  Report report;
  std::string out, err;  // its streams, up to the policy's limits
  Error error;
  std::uint64_t queued_ns = 0, run_ns = 0;
};

// Called once for each job that was taken, by a thread of the backend's: it must not wait for long.
using Completion = std::function<void(JobEnd)>;

struct Admission {
  enum class Kind : unsigned char { kTaken, kBusy, kDraining, kUnknownProfile };
  Kind kind = Kind::kTaken;
  std::string why;
  std::chrono::milliseconds retry_after{0};  // of kBusy
};

using observe::ProfileLoad;

// Does a job on the thread that calls it, which has to be called then, soon, and once: a place is kept.
using RunHere = std::function<void()>;

class Backend {
 public:
  virtual ~Backend() = default;
  // With `here` the caller's thread would only wait for this job's end. It may get the job back to do: then nobody
  // has to be woken twice, and `done` is called before it returns.
  virtual Admission Submit(Job job, Completion done, RunHere* here = nullptr) = 0;
  virtual void Cancel(const std::string& id) = 0;  // no matter whether it waits, runs or is long gone
  virtual std::vector<ProfileLoad> Load() const = 0;
};

}  // namespace moat::web
