// What the process is like before it is locked.
#pragma once

#include <string>
#include <vector>

#include "moat/result.h"
#include "moat/seal.h"

namespace moat::seal {

// The numbers that a folder of /proc has for names, ascending. `own_fd`: the descriptor it was read by.
Result<std::vector<int>> NumbersIn(const char* folder, int* own_fd = nullptr);
std::string ProcPath(const char* folder, int number, const char* rest);
// There is a filter already, which may answer an unusual call with death.
bool IsFiltered();

// Open descriptors, ascending. From /proc: without it a seal is refused.
Result<std::vector<int>> OpenDescriptors();
struct Thread {
  int tid = 0;
  std::string name;  // "thread 4711 (worker)"
};
Result<std::vector<Thread>> Threads();

// A file system (statfs.f_type) on which a write is an order to the kernel: /proc/self/mem is one's own code.
bool GivesOrders(long file_system);
// Declared descriptors are open, in the direction that was declared, and no way around the seal.
Status CheckRoles(const SealRequest& request, SealReport& report);
// Are there exactly as many descriptors as were declared? False also where the kernel cannot tell.
bool CountsAsDeclared(const SealRequest& request);
// Those that nobody declared: refused, closed or kept, as was chosen.
Status HandleStrays(const SealRequest& request, SealReport& report);
// Nobody else has this memory or these descriptors but threads that are allowed, all of which the lock will
// cover. A lone thread's table of descriptors is its own from here on.
Status CheckCompany(const SealRequest& request, SealReport& report);
// Set-user-ID programs keep rights to come back to.
Status CheckIds();
// Memory that is asked for is not executable on top (READ_IMPLIES_EXEC). Behind a filter the kernel is
// not asked; CheckMappings reads it.
Status CheckPersonality(const SealRequest& request);
// Memory that is writable and executable, by one mapping or by two, rings that work without system calls. Notes what is true of
// the process as a whole.
Status CheckMappings(const SealRequest& request, SealReport& report);

}  // namespace moat::seal
