// Two policies compared in words. Pure.
#pragma once

#include <string>
#include <vector>

#include "policy/model.h"

namespace moat::policy {

// One line per difference, "limits.memory: 1G -> 512M", "files: + read /data",
// "syscalls: - allow @sockets"; empty when both mean the same. Origins and names do not count.
std::vector<std::string> Diff(const Model& before, const Model& after);

}  // namespace moat::policy
