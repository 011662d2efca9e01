// The backend that needs nobody else: lanes (lanes.h) that run jobs by the public library.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "moat/result.h"
#include "moat/sandbox.h"
#include "web/backend.h"
#include "web/config.h"
#include "web/install_rate.h"

namespace moat::web {

struct LocalBackendOptions {
  std::shared_ptr<InstallRate> filters;  // shared by all that install some; null: one of its own
  SandboxOptions sandbox;
  PolicyLoadOptions policies;
};

// Every policy is loaded now: what is wrong with one is an error before the first job.
Result<std::unique_ptr<Backend>> MakeLocalBackend(const Config& config, LocalBackendOptions options);

}  // namespace moat::web
