// Unmodified programs that are started ahead of their jobs, beside the same ones in jails that wait before the exec.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace moat::bench {

// One row for each program that there is: times of `Sandbox::Run`, and the processor time that reports tell. A job
// is timed only when its program or jail waits for it; how many were not is told, too.
nlohmann::json RaceWarm(const std::string& build, int rounds);

}  // namespace moat::bench
