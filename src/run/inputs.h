// -i files: opened with the caller's rights, shown to the guest read-only under their own
// names, whatever uid the job has.
#pragma once

#include <string>
#include <vector>

#include "moat/result.h"
#include "plan/abi.h"
#include "run/job.h"
#include "run/live_plan.h"
#include "sys/fd.h"

namespace moat::run {

class Inputs {
 public:
  // Opens and checks each file and makes a detached mount of it; fills the plan's slots.
  static Result<Inputs> Open(LivePlan& plan, const Job& job);
  // Paths inside the jail, in the order given.
  const std::vector<std::string>& inside() const { return inside_; }
  // What the report says of them.
  const std::vector<InputFile>& files() const { return files_; }
  void Close() { mounts_.clear(); }

 private:
  std::vector<sys::MountFd> mounts_;
  std::vector<std::string> inside_;
  std::vector<InputFile> files_;
};

}  // namespace moat::run
