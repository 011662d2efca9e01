// An OCI bundle around one program of the host: what runtimes for containers are given.
#pragma once

#include <filesystem>
#include <string>

#include "moat/result.h"
#include "bench/start.h"

namespace moat::bench {

// Writes `folder`/config.json, as `crun spec` makes it, with the host's /usr in an otherwise
// empty root file system. The runtime's own defaults stay, apart from the terminal.
Status MakeBundle(const std::string& crun, const std::filesystem::path& folder, const std::string& program,
                  const Conditions& conditions);

}  // namespace moat::bench
