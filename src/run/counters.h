// What the kernel counts of a job, in the files of its control groups and of its pid 1. Opening such a file costs more than reading
// it: this is done while nobody waits, ahead of the job or beside it.
#pragma once

#include <string>
#include <vector>

#include "run/live_plan.h"
#include "sys/fd.h"

namespace moat::run {

// Descriptors of one job; they close with it. Not thread-safe.
class Counters {
 public:
  // Once the plan's groups are there. A file that cannot be opened now is tried again when it is read.
  void Open(LivePlan& plan, int pid);
  // The whole file as it is now, of the group that `group` is open at; empty: there is none, or it cannot be read.
  std::string Read(int group, const char* file) const;
  // /proc/PID/io of pid 1, which has to be there still.
  std::string ReadTransfers(int pid) const;
  void Close() { *this = Counters(); }

 private:
  struct File {
    int group;
    const char* name;  // a literal
    sys::Fd fd;
  };
  std::vector<File> files_;
  sys::Fd transfers_;
  bool opened_ = false;
};

}  // namespace moat::run
