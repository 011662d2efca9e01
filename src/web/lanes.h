// A backend of lanes: as many runners as jobs may run at the same time, in front of them a bounded
// queue for each profile, first come, first served within a priority. What waited too long is not
// started. What is done with a job is its runner's; who waits for a job may lend it the thread.
#pragma once

#include <memory>
#include <vector>

#include "moat/sandbox.h"
#include "web/backend.h"
#include "web/config.h"

namespace moat::web {

// Runs one job at a time, on the thread that calls it, and waits for its end; sooner once it is cancelled.
// `starting` of the job is the runner's to call.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual JobEnd Run(Job& job, const CancelToken& cancel) = 0;
  // Whether it cancels a job whose client hangs up: only then the client's own thread can be lent.
  virtual bool watches_client() const { return false; }
};

Result<std::unique_ptr<Backend>> MakeLanes(const Config& config, std::vector<std::unique_ptr<Runner>> runners);

}  // namespace moat::web
