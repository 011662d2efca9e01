// A backend of lanes: as many threads as jobs may run at the same time, in front of them a bounded
// queue for each profile, first come, first served within a priority. What waited too long is not
// started. What a lane does with a job is its runner's.
#pragma once

#include <memory>
#include <vector>

#include "moat/sandbox.h"
#include "web/backend.h"
#include "web/config.h"

namespace moat::web {

// Runs one job at a time, on its lane's thread, and waits for its end; sooner once it is cancelled.
// `starting` of the job is the runner's to call.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual JobEnd Run(Job& job, const CancelToken& cancel) = 0;
};

std::unique_ptr<Backend> MakeLanes(const Config& config, std::vector<std::unique_ptr<Runner>> runners);

}  // namespace moat::web
