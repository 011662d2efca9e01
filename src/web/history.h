// What became of jobs, for people: each one's end, the calls that were denied (grouped), the limits
// that were hit. Bounded: the oldest go. Written behind the jobs' backs, a batch at a time by a
// thread of its own; a daemon that is killed loses the last moments of it and never a job.
//
// Threads: any. Times in nanoseconds, of the day since 1970.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"
#include "web/database.h"

namespace moat::web {

struct HistoryJob {
  std::uint64_t finished_ns = 0;
  std::string id, profile, caller;
  std::string cause;   // a Cause's name, or why it was never started
  std::string detail;
  std::uint64_t queued_ns = 0, wall_ns = 0, cpu_ns = 0, memory_peak = 0;
  std::int64_t exit_status = 0;
};

struct HistoryDenial {
  std::string profile;
  Denial denial;  // of the last one; `count` is the sum
  std::uint64_t jobs = 0, first_ns = 0, last_ns = 0;
};

struct HistoryLimit {
  std::string profile, limit;
  std::uint64_t jobs = 0, last_ns = 0;
};

struct CauseCount {
  std::uint64_t from_ns = 0;  // start of the slice of time
  std::string profile, cause;
  std::uint64_t jobs = 0;
};

// Two configurations beside each other: the one in force, and the one before it.
struct RolloutSide {
  std::uint64_t jobs = 0;
  std::map<std::string, std::uint64_t> causes;
  std::uint64_t wall_p50_ns = 0, wall_p99_ns = 0, memory_p99 = 0;
};
struct Rollout {
  std::uint64_t since_ns = 0;  // when it came into force; 0: there has been only one
  std::string digest;
  std::map<std::string, std::pair<RolloutSide, RolloutSide>> profiles;  // before, after
};

class History {
 public:
  static Result<std::unique_ptr<History>> Open(const std::string& path, std::uint64_t keep);
  ~History();  // writes what is left

  void Add(HistoryJob job, std::vector<Denial> denials, std::vector<std::string> limits);
  // `digest` tells configurations apart, policies and all. The same again is no rollout.
  Status NoteConfiguration(std::uint64_t now_ns, const std::string& digest);
  // Of the latest jobs, as many as `count`; a job counts for the configuration in which it ended.
  Result<Rollout> CompareRollout(std::uint64_t count);
  Status Flush();  // now; all that was added is in the answers below

  Result<std::vector<HistoryJob>> Latest(std::uint64_t count);
  Result<std::vector<HistoryDenial>> Denials(std::uint64_t count);
  Result<std::vector<HistoryLimit>> Limits(std::uint64_t count);
  Result<std::vector<CauseCount>> Causes(std::uint64_t since_ns, std::uint64_t until_ns, std::uint64_t slice_ns);

 private:
  struct Entry {
    HistoryJob job;
    std::vector<Denial> denials;
    std::vector<std::string> limits;
  };
  History(Database database, std::uint64_t keep);
  void Loop();
  Status WriteAll(const std::vector<Entry>& entries);
  Status WriteOne(const Entry& entry);
  Status Trim();

  std::uint64_t keep_;
  std::mutex database_mutex_;
  Database database_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::vector<Entry> pending_;
  enum class Life : unsigned char { kRuns, kEnds } life_ = Life::kRuns;
  std::thread writer_;
};

}  // namespace moat::web
