// How long ago jobs ended, by the machine's clock: the day's can be set while we run, a day ahead or behind, and
// with it all results would go at once, or none for a day.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moat::web {

class Ages {
 public:
  enum class Notice : unsigned char { kNone, kDue };  // one that is due keeps its job
  // `ended_ns` of CLOCK_MONOTONIC; below 0: before the machine started.
  void Add(const std::string& id, std::int64_t ended_ns, Notice notice);
  void Noticed(const std::string& id);
  void Remove(const std::string& id);
  // Those that ended before, and are not due any more: the oldest first.
  std::vector<std::string> EndedBefore(std::int64_t ns, std::size_t most) const;

 private:
  std::map<std::string, std::int64_t> all_;
  std::set<std::pair<std::int64_t, std::string>> may_go_;
};

// Of a job that ended at a time of day before we started: when, by the machine's clock. What lies in the
// future ended just now.
std::int64_t OnMachineClock(std::uint64_t ended_of_day_ns, std::uint64_t day_now_ns, std::uint64_t machine_now_ns);

}  // namespace moat::web
