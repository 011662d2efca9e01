// A backend on the public library alone: as many threads as jobs may run at the same time, each with
// a sandbox; a bounded queue for each profile, first come, first served within a priority. What
// waited too long is not started.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "moat/result.h"
#include "moat/sandbox.h"
#include "web/backend.h"
#include "web/config.h"

namespace moat::web {

struct LocalBackendOptions {
  SandboxOptions sandbox;
  PolicyLoadOptions policies;
};

// Every policy is loaded now: what is wrong with one is an error before the first job.
Result<std::unique_ptr<Backend>> MakeLocalBackend(const Config& config, LocalBackendOptions options);

}  // namespace moat::web
