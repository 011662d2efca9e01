// What the process is like before it is locked.
#pragma once

#include <string>
#include <vector>

#include "moat/result.h"
#include "moat/seal.h"

namespace moat::seal {

// Open descriptors, ascending. From /proc: without it a seal is refused.
Result<std::vector<int>> OpenDescriptors();
struct Thread {
  int tid = 0;
  std::string name;  // "thread 4711 (worker)"
};
Result<std::vector<Thread>> Threads();

// Declared descriptors are open, in the direction that was declared, and no way around the seal.
Status CheckRoles(const SealRequest& request, SealReport& report);
// Are there exactly as many descriptors as were declared? False also where the kernel cannot tell.
bool CountsAsDeclared(const SealRequest& request);
// Those that nobody declared: refused, closed or kept, as was chosen.
Status HandleStrays(const SealRequest& request, SealReport& report);
// No other thread, and no other process that shares the memory, unless threads are allowed.
Status CheckThreads(const SealRequest& request);
// Set-user-ID programs keep rights to come back to.
Status CheckIds(SealReport& report);
// Memory that is writable and executable, rings that work without system calls.
Status CheckMappings(const SealRequest& request, SealReport& report);

}  // namespace moat::seal
